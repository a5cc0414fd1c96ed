//! The question at the machine: a device wants in, the words are compared, a person says yes.

use super::grant::{bounds, meaning};
use super::output;
use crate::core::pairing::QuestionId;
use crate::daemon::owner::Notice;
use crate::limits::TOO_SOON;
use lanyard_dial::clock;
use lanyard_shared::access::in_short;
use lanyard_shared::time::Mono;
use std::io::BufRead as _;
use tokio::sync::mpsc::{self, Receiver};

/// Lines typed at this terminal, read from the moment on when there is something to answer: a program in the background must not read.
#[derive(Default)]
pub struct Keyboard {
    lines: Option<Receiver<String>>,
}

impl Keyboard {
    /// Begins to read standard input, on a thread of its own: a blocked read keeps nothing else waiting.
    pub fn listen(&mut self) {
        if self.lines.is_some() {
            return;
        }
        let (sender, lines) = mpsc::channel(1);
        self.lines = Some(lines);
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
    }

    /// The next line; never, before [`Keyboard::listen`] and once standard input has ended.
    pub async fn line(&mut self) -> String {
        let line = match &mut self.lines {
            Some(lines) => lines.recv().await,
            None => None,
        };
        match line {
            Some(line) => line,
            None => std::future::pending().await,
        }
    }
}

/// The questions that wait for an answer here, the first of them shown.
#[derive(Default)]
pub struct Questions {
    waiting: Vec<Notice>,
    /// When a question took the place of another one on the screen.
    changed: Option<Mono>,
}

impl Questions {
    /// Takes notice of questions asked and withdrawn; the answers will come from `keyboard`.
    pub fn hear(&mut self, notice: &Notice, keyboard: &mut Keyboard) {
        match notice {
            Notice::Question { question, .. } => {
                if !self
                    .waiting
                    .iter()
                    .any(|other| id(other) == Some(*question))
                {
                    keyboard.listen();
                    self.waiting.push(notice.clone());
                    if self.waiting.len() == 1 {
                        show(notice);
                    }
                }
            }
            Notice::Withdrawn { question } => {
                let shown = self.waiting.first().and_then(id) == Some(*question);
                self.waiting.retain(|other| id(other) != Some(*question));
                if shown {
                    output::say("\n(answered or withdrawn)");
                    self.show_first();
                }
            }
            Notice::Online { .. }
            | Notice::Offline { .. }
            | Notice::Unreachable { .. }
            | Notice::Trouble { .. }
            | Notice::Link(_)
            | Notice::Paired { .. }
            | Notice::Status(_)
            | Notice::Done {}
            | Notice::Ended { .. }
            | Notice::Rotated { .. }
            | Notice::RotationDone { .. }
            | Notice::ClockAccepted { .. }
            | Notice::Suspended { .. }
            | Notice::Refused { .. } => {}
        }
    }

    /// Takes a typed line as the answer to the question that is shown. Anything but a clear yes is a no.
    pub fn answer(&mut self, line: &str) -> Option<(QuestionId, bool)> {
        let question = id(self.waiting.first()?)?;
        if self
            .changed
            .is_some_and(|at| clock::mono().since(at) < TOO_SOON)
        {
            output::prompt("That was for the question before. Let this one in? [y/N] ");
            return None;
        }
        let yes = match line.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => true,
            "" | "n" | "no" => false,
            _ => {
                output::prompt("Please answer y or n: ");
                return None;
            }
        };
        self.waiting.remove(0);
        if !yes {
            output::say("refused; the link is spent. `lanyard pair` makes a new one");
        }
        self.show_first();
        Some((question, yes))
    }

    fn show_first(&mut self) {
        self.changed = Some(clock::mono());
        if let Some(first) = self.waiting.first() {
            show(first);
        }
    }
}

fn id(notice: &Notice) -> Option<QuestionId> {
    if let Notice::Question { question, .. } = notice {
        Some(*question)
    } else {
        None
    }
}

fn show(notice: &Notice) {
    if let Notice::Question {
        device,
        words,
        scopes,
        reach,
        until,
        ..
    } = notice
    {
        output::say(&format!(
            "\n\"{}\" wants to pair. It would be able to:",
            output::printable(device)
        ));
        for line in meaning(scopes) {
            output::say(&format!("  {line}"));
        }
        if let Some(bounds) = bounds(reach, || None) {
            output::say(&format!("  {bounds}"));
        }
        if let Some(until) = until {
            let left = clock::now().unix.until(*until);
            output::say(&format!(
                "  for {} from now on, then it ends by itself",
                in_short(left)
            ));
        }
        output::say(&format!(
            "Its screen must show these words:\n\n    {}\n",
            words.join("  ")
        ));
        output::prompt("Let it in? [y/N] ");
    }
}
