/** Screens without a relay, for looking at them: `npm run dev`, then `/demo.html?scene=live`. Never part of a build. */
import "../../app.css";
import { mount } from "svelte";
import App from "../App.svelte";
import Stopped from "../Stopped.svelte";
import { DemoLanyard } from "./lanyard";
import { SCENES } from "./scenes";

const name = new URLSearchParams(location.search).get("scene") ?? "live";
const scene = SCENES[name] ?? {};
const target = document.getElementById("app") ?? document.body;

if (scene.stopped === undefined) {
  mount(App, {
    target,
    props: { lanyard: new DemoLanyard(scene), fragment: scene.pair === undefined ? null : "demo" },
  });
} else {
  mount(Stopped, { target, props: { reason: scene.stopped } });
}
