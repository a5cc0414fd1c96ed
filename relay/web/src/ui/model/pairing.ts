/** Why pairing did not happen, and the way on, for every reason there is. */
import type { Reason } from "../../core/generated";
import { asSentence } from "./link";

export interface Failure {
  icon: "clock" | "refused" | "unplugged" | "warning" | "used";
  title: string;
  text: string;
  /** A command to run on the machine, to copy. */
  command: string | null;
  /** Whether the same link may work in a moment. */
  again: boolean;
}

export function failure(reason: Reason): Failure {
  switch (reason.code) {
    case "pair-expired":
      return {
        icon: "clock",
        title: "This link has expired",
        text: "A pairing link works for five minutes. Make a new one on your machine and open that.",
        command: "lanyard pair",
        again: false,
      };
    case "pair-used":
      return {
        icon: "used",
        title: "This link has already been used",
        text: "A pairing link works once. If it was not you who used it, answer no at the machine and look at `lanyard devices`.",
        command: "lanyard pair",
        again: false,
      };
    case "pair-unknown":
    case "malformed":
      return {
        icon: "warning",
        title: "This link is not complete, or no longer known",
        text: "Part of it may have been lost when it was copied. Open the whole link, or make a new one on your machine.",
        command: "lanyard pair",
        again: false,
      };
    case "pair-denied":
      return {
        icon: "refused",
        title: "The person at the machine said no",
        text: "Nothing was granted. If that was a slip, make a new link on your machine.",
        command: "lanyard pair",
        again: false,
      };
    case "agent-clock":
    case "clock-skew":
    case "clock-behind":
      return {
        icon: "clock",
        title: "The machine's clock is wrong",
        text: `${asSentence(reason.sentence)} Until its clock is right, it can grant nothing.`,
        command: "timedatectl set-ntp true",
        again: true,
      };
    case "agent-offline":
    case "agent-gone":
      return {
        icon: "unplugged",
        title: "The machine is not connected",
        text: "It may be asleep or without a network. Start Lanyard on it, or wait until it is awake.",
        command: "lanyard up",
        again: true,
      };
    case "certificate":
      return {
        icon: "warning",
        title: "This browser does not trust the relay's certificate",
        text: "A warning that was clicked away is not enough. Compare the certificate's SHA-256 with the one that the relay prints when it starts, and let this device trust it.",
        command: null,
        again: true,
      };
    case "unsupported":
    case "unsupported-browser":
      return {
        icon: "warning",
        title: "This browser is too old",
        text: "Lanyard needs the X25519 and Ed25519 keys of the Web Crypto API: Chrome 137, Firefox 130, Safari 17 or newer, over https or localhost.",
        command: null,
        again: false,
      };
    case "handshake-failed":
    case "seal-broken":
      return {
        icon: "warning",
        title: "The machine could not be verified",
        text: `${asSentence(reason.sentence)} Someone between may have changed something. Make a new link on your machine.`,
        command: "lanyard pair",
        again: false,
      };
    case "wrong-host":
      return {
        icon: "warning",
        title: "The relay does not go by this name",
        text: `${asSentence(reason.sentence)} ${asSentence(reason.hint)}`,
        command: null,
        again: false,
      };
    case "version":
      return {
        icon: "warning",
        title: "Machine and relay do not fit together",
        text: `${asSentence(reason.sentence)} Update the older of the two.`,
        command: null,
        again: false,
      };
    default:
      return {
        icon: "warning",
        title: "Pairing did not work",
        text: `${asSentence(reason.sentence)} ${asSentence(reason.hint)}`.trim(),
        command: null,
        again: true,
      };
  }
}
