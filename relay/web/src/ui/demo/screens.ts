/** What the demo's terminals show. */

const E = "\u001b[";

function lines(...text: string[]): string {
  return text.join("\r\n");
}

const passed = (crate: string, name: string, time: string) =>
  `        ${E}32;1mPASS${E}0m [   ${time}s] ${E}35;1mlanyard-${crate}${E}0m ${E}36m${name}${E}0m`;

const shell = lines(
  `${E}1;36m~/src/lanyard${E}0m ${E}90mon${E}0m ${E}35mmain${E}0m ${E}32m❯${E}0m cargo nextest run`,
  `${E}32;1m    Finished${E}0m \`test\` profile [unoptimized + debuginfo] target(s) in 3.41s`,
  `${E}32;1m────────────${E}0m`,
  `${E}32;1m Nextest run${E}0m ID ${E}1mb1f0${E}0m with nextest profile: ${E}1mdefault${E}0m`,
  `${E}32;1m    Starting${E}0m ${E}1m214${E}0m tests across ${E}1m9${E}0m binaries`,
  passed("shared", "frame::longest_frame_is_accepted", "0.004"),
  passed("shared", "token::second_open_is_refused", "0.011"),
  passed("relay", "route::slow_reader_delays_nobody", "0.038"),
  `        ${E}33;1mSLOW${E}0m [>  5.000s] ${E}35;1mlanyard-holder${E}0m ${E}36mring::survives_agent_restart${E}0m`,
  passed("holder", "ring::survives_agent_restart", "6.208"),
  `        ${E}31;1mFAIL${E}0m [   0.112s] ${E}35;1mlanyard-agent${E}0m ${E}36mmint::lapsed_token_leaves_view${E}0m`,
  "",
  `${E}31;1m  stderr ───${E}0m`,
  `    thread 'mint::lapsed_token_leaves_view' panicked at ${E}4mlocal-agent/src/mint.rs:212:9${E}0m:`,
  `    assertion \`left == right\` failed`,
  `      left: ${E}31mEnded(Lapsed)${E}0m`,
  `     right: ${E}32mStreaming${E}0m`,
  "",
  `${E}32;1m     Summary${E}0m [   6.731s] ${E}1m214${E}0m tests run: ${E}1m213${E}0m ${E}32;1mpassed${E}0m, ${E}1m1${E}0m ${E}31;1mfailed${E}0m, ${E}1m0${E}0m skipped`,
  `${E}1;36m~/src/lanyard${E}0m ${E}90mon${E}0m ${E}35mmain${E}0m ${E}31m❯${E}0m `,
);

const names = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const ramp = Array.from({ length: 48 }, (_, at) => {
  const hue = (at / 48) * 2 * Math.PI;
  const part = (shift: number) => Math.round(140 + 100 * Math.sin(hue + shift));
  return `${E}48;2;${part(0)};${part(2.1)};${part(4.2)}m `;
}).join("");

const colours = lines(
  ...names.map(
    (name, at) =>
      `${E}3${at}m${name.padEnd(10)}${E}0m${E}9${at}m bright ${name.padEnd(10)}${E}0m${E}1;3${at}m bold ${E}0m${E}4${at}m  ${E}10${at}m  ${E}0m`,
  ),
  "",
  `${ramp}${E}0m true colour`,
  `${E}3mitalic${E}0m ${E}4munderline${E}0m ${E}4:3mwavy${E}0m ${E}9mstruck${E}0m ${E}7mreverse${E}0m ${E}2mdim${E}0m`,
  "┌──────────┬──────────┐  ╔════╗  █▓▒░ ▁▂▃▄▅▆▇█",
  "│ box      │ drawing  │  ║    ║  ⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏",
  "└──────────┴──────────┘  ╚════╝  ← ↑ → ↓ ✔ ✘",
  "wide: 日本語 한국어 🙂 🚀 | end",
  "a link: https://example.net/docs and \u001b]8;;https://example.org/elsewhere\u001b\\a hidden one\u001b]8;;\u001b\\",
  "",
  "$ ",
);

const vim = `${E}?1049h${E}H${lines(
  ...Array.from(
    { length: 20 },
    (_, at) =>
      `${E}33m${(at + 1).toString().padStart(4)}${E}0m ${E}34mfn${E}0m line_${at + 1}() { ${E}90m// alternate screen${E}0m }`,
  ),
  `${E}7m src/main.rs                                   1,1  Top ${E}0m`,
)}`;

export const SCREENS = { shell, colours, vim };
