//! A holder of the first version of the protocol, for tests of those who take over its shells.
//!
//! Frozen: what it says and hears stands here byte by byte, apart from the present `wire`, and is never brought up to date. It does what a
//! small program needs (output, input once, size, snapshot, end) and trusts whoever connects.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::rc::Rc;

use lanyard_holder::screen::Screen;
use pty_process::{OwnedReadPty, OwnedWritePty, Size};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::{LocalSet, spawn_local};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let _ = rustix::process::setsid();
    let mut json = String::new();
    std::io::stdin().read_to_string(&mut json)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, hold(serde_json::from_str(&json)?))
}

struct Terminal {
    place: PathBuf,
    pid: u32,
    size: (u16, u16),
    output: Vec<u8>,
    screen: Screen,
    applied: BTreeMap<Vec<u8>, u64>,
    /// As it is sent: 1 and a status, or 2 and a signal.
    exit: Option<(u8, i32)>,
}

struct Holder {
    terminal: RefCell<Terminal>,
    keys: Mutex<OwnedWritePty>,
    changed: watch::Sender<()>,
}

async fn hold(config: serde_json::Value) -> Outcome {
    let text = |name: &str| config[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| config[name].as_u64().and_then(|n| u16::try_from(n).ok());
    let (cols, rows) = (
        number("cols").ok_or("columns")?,
        number("rows").ok_or("rows")?,
    );
    let words = config["command"].as_array().ok_or("a command")?;
    let words: Vec<_> = words.iter().filter_map(|word| word.as_str()).collect();
    let (program, arguments) = words.split_first().ok_or("a program")?;

    let (dir, id) = (PathBuf::from(text("dir")), text("id"));
    let (beside, place) = (dir.join(format!(".new-{id}")), dir.join(&id));
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&beside)?;
    let listener = UnixListener::bind(beside.join("socket"))?;
    std::fs::set_permissions(
        beside.join("socket"),
        std::fs::Permissions::from_mode(0o600),
    )?;
    let meta = serde_json::json!({
        "id": id, "name": text("name"), "command": words, "cwd": text("cwd"), "started": STARTED, "version": 1
    });
    std::fs::write(beside.join("meta.json"), meta.to_string())?;

    let (pty, pts) = pty_process::open()?;
    pty.resize(Size::new(rows, cols))?;
    let mut child = pty_process::Command::new(program)
        .args(arguments)
        .current_dir(text("cwd"))
        .spawn(pts)?;
    let (output, keys) = pty.into_split();
    let holder = Rc::new(Holder {
        terminal: RefCell::new(Terminal {
            place: place.clone(),
            pid: child.id().ok_or("a process id")?,
            size: (cols, rows),
            output: Vec::new(),
            screen: Screen::new(cols, rows),
            applied: BTreeMap::new(),
            exit: None,
        }),
        keys: Mutex::new(keys),
        changed: watch::Sender::new(()),
    });
    let accepting = holder.clone();
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let holder = accepting.clone();
            spawn_local(async move {
                // However it ended: the connection is over.
                let _ = serve(&holder, stream).await;
            });
        }
    });
    std::fs::rename(&beside, &place)?;
    writeln!(std::io::stdout(), "ready")?;
    let null = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&null)?;
    collect(&holder, output).await;
    let status = child.wait().await?;
    holder.terminal.borrow_mut().exit = Some(match status.code() {
        Some(code) => (1, code),
        None => (2, status.signal().unwrap_or(0)),
    });
    holder.changed.send_replace(());
    std::future::pending().await
}

const STARTED: u64 = 1_700_000_000;

/// Until the PTY hangs up.
async fn collect(holder: &Holder, mut output: OwnedReadPty) {
    let mut buffer = vec![0; 4096];
    while let Ok(count @ 1..) = output.read(&mut buffer).await {
        let mut terminal = holder.terminal.borrow_mut();
        terminal.output.extend_from_slice(&buffer[..count]);
        terminal.screen.feed(&buffer[..count]);
        drop(terminal);
        holder.changed.send_replace(());
    }
}

async fn serve(holder: &Rc<Holder>, stream: UnixStream) -> Outcome {
    let (from, mut to) = stream.into_split();
    let (sender, mut heard) = mpsc::unbounded_channel();
    spawn_local(async move {
        let _ = hear(from, sender).await;
    });
    let hello = heard.recv().await.ok_or("a hello")?;
    let [1, high, low, flags, have @ ..] = &hello[..] else {
        return refuse(&mut to, 2, "the first message is hello").await;
    };
    let version = u16::from_be_bytes([*high, *low]);
    if version != 1 {
        let sentence = format!("this holder speaks version 1, not {version}");
        return refuse(&mut to, 1, &sentence).await;
    }
    let mut watcher = Watcher {
        watches: *flags != 0,
        next: (flags & 2 != 0).then(|| number(have)),
        credit: 0,
        told_size: holder.terminal.borrow().size,
        told_exit: false,
    };
    let welcome = holder.terminal.borrow().welcome();
    to.write_all(&message(65, &welcome)).await?;
    let mut changed = holder.changed.subscribe();
    loop {
        loop {
            let due = watcher.due(&holder.terminal.borrow());
            let Some(due) = due else { break };
            to.write_all(&due).await?;
        }
        tokio::select! {
            message = heard.recv() => {
                let Some(message) = message else { return Ok(()) };
                obey(holder, &mut watcher, &mut to, &message).await?;
            }
            _ = changed.changed() => {}
        }
    }
}

async fn hear(mut from: OwnedReadHalf, heard: mpsc::UnboundedSender<Vec<u8>>) -> Outcome {
    loop {
        let length = from.read_u32().await?;
        let mut message = vec![0; usize::try_from(length)?];
        from.read_exact(&mut message).await?;
        heard.send(message)?;
    }
}

async fn obey(
    holder: &Rc<Holder>,
    watcher: &mut Watcher,
    to: &mut OwnedWriteHalf,
    message: &[u8],
) -> Outcome {
    match message {
        [2, credit @ ..] => watcher.credit += number(credit),
        [3, rest @ ..] => {
            let (writer, rest) = rest.split_at(16);
            let (seq, keys) = rest.split_at(8);
            let last = holder.terminal.borrow().last(writer);
            if number(seq) > last + 1 {
                return refuse(to, 4, "an input is missing").await;
            }
            if number(seq) == last + 1 {
                holder.terminal.borrow_mut().apply(writer, last + 1);
                holder.keys.lock().await.write_all(keys).await?;
            }
            applied(holder, to, writer).await?;
        }
        [4, a, b, c, d] => {
            let (cols, rows) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
            holder.keys.lock().await.resize(Size::new(rows, cols))?;
            let mut terminal = holder.terminal.borrow_mut();
            terminal.size = (cols, rows);
            terminal.screen.resize(cols, rows);
            drop(terminal);
            holder.changed.send_replace(());
        }
        [5] => {
            let pid = i32::try_from(holder.terminal.borrow().pid)?;
            let pid = rustix::process::Pid::from_raw(pid).ok_or("a process id")?;
            rustix::process::kill_process_group(pid, rustix::process::Signal::HUP)?;
            leave(holder)?;
        }
        [6] => leave(holder)?,
        [7, writer @ ..] => applied(holder, to, writer).await?,
        [8, _] => {}
        _ => return refuse(to, 2, "unknown message").await,
    }
    Ok(())
}

fn leave(holder: &Holder) -> Outcome {
    std::fs::remove_dir_all(&holder.terminal.borrow().place)?;
    std::process::exit(0)
}

async fn applied(holder: &Holder, to: &mut OwnedWriteHalf, writer: &[u8]) -> Outcome {
    let last = holder.terminal.borrow().last(writer);
    let answer = message(72, &[writer, &last.to_be_bytes()].concat());
    Ok(to.write_all(&answer).await?)
}

/// Says why, and ends the connection.
async fn refuse(to: &mut OwnedWriteHalf, code: u8, sentence: &str) -> Outcome {
    let answer = message(73, &[&[code], sentence.as_bytes()].concat());
    to.write_all(&answer).await?;
    Err(sentence.into())
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32 + 1).to_be_bytes();
    [&length, &[kind][..], body].concat()
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte))
}

impl Terminal {
    fn last(&self, writer: &[u8]) -> u64 {
        self.applied.get(writer).copied().unwrap_or(0)
    }

    fn apply(&mut self, writer: &[u8], seq: u64) {
        self.applied.insert(writer.to_vec(), seq);
    }

    fn grid(&self) -> Vec<u8> {
        [self.size.0.to_be_bytes(), self.size.1.to_be_bytes()].concat()
    }

    fn welcome(&self) -> Vec<u8> {
        let (tag, value) = self.exit.unwrap_or((0, 0));
        let mut body = [&1u16.to_be_bytes()[..], &self.pid.to_be_bytes()].concat();
        body.extend(self.grid());
        body.extend((self.output.len() as u64).to_be_bytes());
        body.extend(0u64.to_be_bytes());
        body.extend(STARTED.to_be_bytes());
        body.push(tag);
        body.extend(value.to_be_bytes());
        body
    }
}

struct Watcher {
    watches: bool,
    next: Option<u64>,
    credit: u64,
    told_size: (u16, u16),
    told_exit: bool,
}

impl Watcher {
    /// What may be sent next.
    fn due(&mut self, terminal: &Terminal) -> Option<Vec<u8>> {
        if self.told_size != terminal.size {
            self.told_size = terminal.size;
            return Some(message(69, &terminal.grid()));
        }
        let head = terminal.output.len() as u64;
        if self.watches && self.credit > 0 {
            let Some(next) = self.next.filter(|next| *next <= head) else {
                return Some(self.snapshot(terminal));
            };
            let from = usize::try_from(next).ok()?;
            let count = self.credit.min(head - next).min(60 * 1024);
            let to = usize::try_from(next + count).ok()?;
            if count > 0 {
                self.credit -= count;
                self.next = Some(next + count);
                let part = &terminal.output[from..to];
                return Some(message(68, &[&next.to_be_bytes(), part].concat()));
            }
        }
        let (tag, value) = terminal.exit.filter(|_| !self.told_exit)?;
        self.told_exit = true;
        Some(message(71, &[&[tag][..], &value.to_be_bytes()].concat()))
    }

    /// In one piece: a small screen fits into it.
    fn snapshot(&mut self, terminal: &Terminal) -> Vec<u8> {
        let bytes = terminal.screen.snapshot();
        let offset = terminal.output.len() as u64 - terminal.screen.undecided();
        (self.next, self.credit) = (Some(offset), self.credit.saturating_sub(bytes.len() as u64));
        let mut begin = [&offset.to_be_bytes()[..], &terminal.grid()].concat();
        begin.extend((bytes.len() as u32).to_be_bytes());
        [message(66, &begin), message(67, &bytes)].concat()
    }
}
