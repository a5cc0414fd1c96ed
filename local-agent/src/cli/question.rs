//! Questions at the machine: a device wants in, the words are compared, a person says yes; or somebody wants to run something.

use super::grant::{bounds, meaning};
use super::{card, output, policy};
use crate::core::pairing::QuestionId;
use crate::daemon::owner::{self, Notice};
use crate::limits::TOO_SOON;
use lanyard_dial::clock;
use lanyard_shared::access::in_short;
use lanyard_shared::approval::{Hash, Holds, Request, Verdict};
use lanyard_shared::ids::ApprovalId;
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
    waiting: Vec<Waiting>,
    /// When a question took the place of another one on the screen.
    changed: Option<Mono>,
}

/// One question.
enum Waiting {
    Device(Box<Notice>, QuestionId),
    Approval(Box<Request>),
    /// It waits for nobody, and so comes last.
    Folder(Box<policy::Question>),
}

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Whether a device is let in.
    Device(QuestionId, bool),
    /// Whether something is run.
    Approval(ApprovalId, Hash, Verdict),
}

impl From<Answer> for owner::Request {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Device(question, yes) => Self::Answer { question, yes },
            Answer::Approval(id, hash, verdict) => Self::AnswerApproval {
                id,
                hash,
                verdict,
                holds: Holds::Once {},
            },
        }
    }
}

impl Questions {
    /// Takes notice of questions asked and withdrawn; the answers will come from `keyboard`.
    pub fn hear(&mut self, notice: &Notice, keyboard: &mut Keyboard) {
        match notice {
            Notice::Question { question, .. } => {
                self.ask(
                    Waiting::Device(Box::new(notice.clone()), *question),
                    keyboard,
                );
            }
            Notice::Approval { request } => {
                self.ask(Waiting::Approval(request.clone()), keyboard);
            }
            Notice::Withdrawn { question } => {
                self.take_back(|other| matches!(other, Waiting::Device(_, id) if id == question));
            }
            Notice::Settled { settled } => {
                self.take_back(
                    |other| matches!(other, Waiting::Approval(request) if request.id == settled.id),
                );
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
            | Notice::Decided { .. }
            | Notice::Answered { .. }
            | Notice::Approvals { .. }
            | Notice::Permissions { .. }
            | Notice::Suspended { .. }
            | Notice::Refused { .. } => {}
        }
    }

    /// Of the requests for approval, only these still wait.
    pub fn keep_only(&mut self, requests: &[Request]) {
        self.take_back(|other| {
            matches!(other, Waiting::Approval(asked) if !requests.iter().any(|one| one.id == asked.id))
        });
    }

    /// Asks whether a folder is to be trusted; everything else comes before it.
    pub fn ask_folder(&mut self, question: policy::Question, keyboard: &mut Keyboard) {
        self.ask(Waiting::Folder(Box::new(question)), keyboard);
    }

    /// Takes a typed line as the answer to the question that is shown. Anything but a clear yes is a no.
    pub fn answer(&mut self, line: &str) -> Option<Answer> {
        let first = self.waiting.first()?;
        if self
            .changed
            .is_some_and(|at| clock::mono().since(at) < TOO_SOON)
        {
            output::prompt(&format!(
                "That was for the question before. {}",
                first.asks()
            ));
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
        let answer = match self.waiting.remove(0) {
            Waiting::Device(_, question) => {
                if !yes {
                    output::say("refused; the link is spent. `lanyard pair` makes a new one");
                }
                Some(Answer::Device(question, yes))
            }
            Waiting::Approval(request) => {
                let verdict = if yes {
                    Verdict::Approved
                } else {
                    Verdict::Denied
                };
                output::say(if yes { "approved" } else { "denied" });
                Some(Answer::Approval(request.id, request.hash(), verdict))
            }
            Waiting::Folder(question) => {
                question.answer(yes);
                None
            }
        };
        self.show_first();
        answer
    }

    fn ask(&mut self, question: Waiting, keyboard: &mut Keyboard) {
        if self.waiting.iter().any(|other| other.is(&question)) {
            return;
        }
        keyboard.listen();
        let is_folder = |other: &Waiting| matches!(other, Waiting::Folder(_));
        let end = self.waiting.len();
        let place = self.waiting.iter().position(is_folder).unwrap_or(end);
        self.waiting.insert(place, question);
        match self.waiting.as_slice() {
            [only] => only.show(),
            // What was shown is asked again behind it.
            [_, ..] if place == 0 => self.show_first(),
            _ => {}
        }
    }

    fn take_back(&mut self, is_over: impl Fn(&Waiting) -> bool) {
        let shown = self.waiting.first().is_some_and(&is_over);
        self.waiting.retain(|other| !is_over(other));
        if shown {
            output::say("\n(answered or withdrawn)");
            self.show_first();
        }
    }

    fn show_first(&mut self) {
        self.changed = Some(clock::mono());
        if let Some(first) = self.waiting.first() {
            first.show();
        }
    }
}

impl Waiting {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Device(_, one), Self::Device(_, other)) => one == other,
            (Self::Approval(one), Self::Approval(other)) => one.id == other.id,
            (Self::Folder(_), Self::Folder(_)) => true,
            (Self::Device(..) | Self::Approval(_) | Self::Folder(_), _) => false,
        }
    }

    fn asks(&self) -> &'static str {
        match self {
            Self::Device(..) => "Let this one in? [y/N] ",
            Self::Approval(_) => "Run this one? [y/N] ",
            Self::Folder(_) => "Trust this folder? [y/N] ",
        }
    }

    fn show(&self) {
        match self {
            Self::Device(question, _) => show(question),
            Self::Approval(request) => {
                output::say("");
                card::show(request);
                output::prompt("Run it? [y/N] ");
            }
            Self::Folder(question) => question.ask(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::tests::rig;
    use crate::state::StateDir;
    use std::path::Path;

    fn approval() -> Notice {
        let request = rig::card(ApprovalId([1; 16])).request;
        Notice::Approval {
            request: Box::new(request),
        }
    }

    /// A folder with something to trust in it, whether or not anybody sits here.
    fn folder(dir: &Path) -> policy::Question {
        let state = StateDir::open(Some(dir.join("state"))).unwrap();
        policy::Question::of(state, dir.to_owned())
    }

    #[test]
    fn what_waits_for_an_answer_comes_before_a_folder_that_can_wait() {
        let dir = tempfile::tempdir().unwrap();
        let (mut questions, mut keyboard) = (Questions::default(), Keyboard::default());
        questions.ask_folder(folder(dir.path()), &mut keyboard);
        questions.hear(&approval(), &mut keyboard);
        // What was typed a moment ago was for the folder, and is nobody's answer.
        assert_eq!(questions.answer("y"), None);
        questions.changed = None;
        let answer = questions.answer("n");
        assert!(matches!(
            answer,
            Some(Answer::Approval(_, _, Verdict::Denied))
        ));
        questions.changed = None;
        assert_eq!(questions.answer("y"), None);
        assert!(questions.waiting.is_empty());
        let state = StateDir::open(Some(dir.path().join("state"))).unwrap();
        assert!(state.trust().words()[0].trusted);
    }
}
