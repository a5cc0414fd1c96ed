import "./app.css";
import { mount } from "svelte";
import { takeFragment } from "./net/browser";
import { openNetwork } from "./net/lanyard";
import App from "./ui/App.svelte";
import { asReason } from "./ui/model/link";
import Stopped from "./ui/Stopped.svelte";
import { isSupported } from "./ui/support";

// Before anything else: the secret in a pairing link must not stay in the address bar or the history.
const fragment = takeFragment(window);
// A link that is opened in a page of ours that is open already changes only what stands behind the `#`: start anew, and take it from there.
addEventListener("hashchange", () => {
  if (location.hash.startsWith("#pair=")) location.reload();
});
const target = document.getElementById("app") ?? document.body;

async function start(): Promise<void> {
  if (!(await isSupported())) {
    mount(Stopped, { target, props: { reason: { code: "unsupported-browser", sentence: "", hint: "" } } });
    return;
  }
  try {
    mount(App, { target, props: { lanyard: await openNetwork(window), fragment } });
  } catch (thrown) {
    mount(Stopped, { target, props: { reason: asReason(thrown) } });
  }
}

void start();
