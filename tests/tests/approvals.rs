//! Something on the machine asks to run a command: it runs when it may, a person is asked for the rest, and what was answered counts once.
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use ed25519_dalek::SigningKey;
use lanyard_agent::audit::recorder::{Recorder, Signer};
use lanyard_agent::policy::settings::Found;
use lanyard_agent::policy::trust::Word;
use lanyard_agent::state::StateDir;
use lanyard_dial::clock;
use lanyard_shared::approval::Request;
use lanyard_tests::{Agent, PATIENCE, World};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};
use tokio::time::timeout;

struct Asking {
    world: World,
    workspace: PathBuf,
}

/// A command that waits for an answer, and the request that people see.
struct Waiting {
    process: Child,
    request: Value,
}

impl Asking {
    async fn start() -> Result<Self> {
        let world = World::start().await?;
        let beside = world.agent.state.parent().context("a folder")?.to_owned();
        let workspace = std::fs::canonicalize(beside)?.join("home/project");
        std::fs::create_dir(&workspace)?;
        std::fs::write(workspace.join("notes.txt"), "a note\n")?;
        Ok(Self { world, workspace })
    }

    fn lanyard(&self, words: &[&str]) -> Result<Command> {
        let mut command = Agent::command(&self.world.agent.state, &self.home(), "ask")?;
        command.current_dir(&self.workspace).args(words);
        Ok(command)
    }

    fn home(&self) -> PathBuf {
        self.workspace
            .parent()
            .map(Path::to_owned)
            .unwrap_or_default()
    }

    async fn run(&self, words: &[&str]) -> Result<Output> {
        Ok(timeout(PATIENCE, self.lanyard(words)?.stdin(Stdio::null()).output()).await??)
    }

    /// Asks, and waits until people are asked.
    async fn ask(&self, words: &[&str]) -> Result<Waiting> {
        let mut process = self
            .lanyard(&[&["ask", "--json"][..], words].concat())?
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let errors = process.stderr.take().context("its errors")?;
        let mut lines = BufReader::new(errors).lines();
        let line = timeout(PATIENCE, lines.next_line())
            .await??
            .context("a line")?;
        let decided: Value = serde_json::from_str(&line)?;
        // What comes later may be read by nobody, but must have somewhere to go.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        ensure!(decided["decision"] == "ask", "{decided}");
        Ok(Waiting {
            process,
            request: decided["request"].clone(),
        })
    }

    async fn waiting(&self) -> Result<Vec<Value>> {
        let listed = self.run(&["approvals", "--json"]).await?;
        Ok(serde_json::from_slice(&listed.stdout)?)
    }

    fn audit_log(&self) -> PathBuf {
        self.world.agent.state.join("audit/0000000000000001.jsonl")
    }

    fn audit(&self) -> Result<Vec<Value>> {
        let text = std::fs::read_to_string(self.audit_log())?;
        text.lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }
}

impl Waiting {
    fn id(&self) -> &str {
        self.request["id"].as_str().unwrap_or_default()
    }

    async fn ended(self) -> Result<Output> {
        Ok(timeout(PATIENCE, self.process.wait_with_output()).await??)
    }
}

#[tokio::test]
async fn what_only_reads_runs_at_once_and_nobody_is_asked() -> Result<()> {
    let asking = Asking::start().await?;
    let ran = asking.run(&["ask", "-c", "cat notes.txt | wc -l"]).await?;
    ensure!(ran.status.success() && ran.stdout == b"1\n", "{ran:?}");
    let ran = asking.run(&["ask", "--", "ls", "nothing here"]).await?;
    ensure!(ran.status.code() == Some(2), "{ran:?}");
    ensure!(asking.waiting().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn what_is_approved_runs_in_the_sandbox_and_its_status_is_passed_on() -> Result<()> {
    let asking = Asking::start().await?;
    let line = "echo said; touch new; touch ../outside; exit 7";
    let waiting = asking.ask(&["-c", line]).await?;
    ensure!(waiting.request["line"] == line && waiting.request["fences"]["network"] == false);
    ensure!(asking.waiting().await?.len() == 1);
    let listed = asking.run(&["approvals"]).await?;
    ensure!(
        String::from_utf8_lossy(&listed.stdout).contains(line),
        "{listed:?}"
    );
    let answered = asking.run(&["approve", "--yes", waiting.id()]).await?;
    ensure!(
        answered.stdout == b"approved at the machine\n",
        "{answered:?}"
    );
    let ran = waiting.ended().await?;
    ensure!(
        ran.status.code() == Some(7) && ran.stdout == b"said\n",
        "{ran:?}"
    );
    ensure!(asking.workspace.join("new").exists());
    ensure!(!asking.home().join("outside").exists());
    ensure!(asking.waiting().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn what_is_denied_or_whose_asker_has_gone_never_runs() -> Result<()> {
    let asking = Asking::start().await?;
    let denied = asking.ask(&["--", "touch", "new"]).await?;
    ensure!(asking.run(&["deny", denied.id()]).await?.status.success());
    let ran = denied.ended().await?;
    ensure!(ran.status.code() == Some(125), "{ran:?}");

    let gone = asking.ask(&["--", "touch", "new"]).await?;
    let id = gone.id().to_owned();
    drop(gone);
    // It is over with its connection, of which the agent hears in its own time.
    let over = async {
        while !asking.waiting().await?.is_empty() {}
        anyhow::Ok(())
    };
    timeout(PATIENCE, over).await??;
    ensure!(
        !asking
            .run(&["approve", "--yes", &id])
            .await?
            .status
            .success()
    );
    ensure!(!asking.workspace.join("new").exists());
    let ends: Vec<_> = asking
        .audit()?
        .into_iter()
        .filter(|line| line["event"] == "settled")
        .map(|line| line["settled"]["end"]["end"].clone())
        .collect();
    ensure!(ends == ["answered", "withdrawn"], "{ends:?}");
    Ok(())
}

#[tokio::test]
async fn the_first_answer_counts_and_the_second_hears_it() -> Result<()> {
    let asking = Asking::start().await?;
    let waiting = asking.ask(&["--", "touch", "new"]).await?;
    let approve = ["approve", "--yes", "--json", waiting.id()];
    let deny = ["deny", "--json", waiting.id()];
    let (yes, no) = tokio::join!(asking.run(&approve), asking.run(&deny));
    let ran = waiting.ended().await?;
    // Who comes too late to find it is told so; who finds it hears what it came to.
    let ends: Vec<Value> = [yes?, no?]
        .iter()
        .filter_map(|said| serde_json::from_slice::<Value>(&said.stdout).ok())
        .map(|said| said["settled"]["end"].clone())
        .collect();
    ensure!(
        !ends.is_empty() && ends.iter().all(|end| end == &ends[0]),
        "{ends:?}"
    );
    let approved = ends[0]["verdict"] == "approved";
    ensure!(asking.workspace.join("new").exists() == approved, "{ran:?}");
    ensure!(ran.status.success() == approved, "{ran:?}");
    let settled = asking
        .audit()?
        .into_iter()
        .filter(|line| line["event"] == "settled");
    ensure!(settled.count() == 1);
    Ok(())
}

/// The owner's socket, spoken to by hand.
struct Owner {
    lines: Lines<BufReader<OwnedReadHalf>>,
    write: OwnedWriteHalf,
}

impl Owner {
    async fn connect(state: &Path) -> Result<Self> {
        let stream = UnixStream::connect(state.join("owner.sock")).await?;
        let (read, write) = stream.into_split();
        let lines = BufReader::new(read).lines();
        Ok(Self { lines, write })
    }

    async fn send(&mut self, request: Value) -> Result<()> {
        Ok(self
            .write
            .write_all(format!("{request}\n").as_bytes())
            .await?)
    }

    async fn hear(&mut self, is: impl Fn(&Value) -> bool) -> Result<Value> {
        loop {
            let line = timeout(PATIENCE, self.lines.next_line()).await??;
            let notice: Value = serde_json::from_str(&line.context("a notice")?)?;
            if is(&notice) {
                return Ok(notice);
            }
        }
    }

    async fn ask(&mut self, folder: &Path, line: &str) -> Result<Value> {
        let wish = json!({
            "name": "", "session": null, "line": line, "programs": [], "folder": folder, "workspace": folder,
            "fences": {"fences": "outside"},
        });
        self.send(json!({"t": "ask", "wish": wish})).await?;
        let answers = |notice: &Value| notice["event"] == "decided" || notice["event"] == "refused";
        let decided = self.hear(answers).await?;
        ensure!(decided["decision"] == "ask", "{decided}");
        Ok(decided["request"].clone())
    }
}

#[tokio::test]
async fn who_waits_hears_the_answer_however_much_else_is_asked_meanwhile() -> Result<()> {
    let mut asking = Asking::start().await?;
    let (state, folder) = (asking.world.agent.state.clone(), asking.workspace.clone());
    let flood = async {
        let (mut slow, mut other) = (Owner::connect(&state).await?, Owner::connect(&state).await?);
        let request = slow.ask(&folder, "make").await?;
        let request: Request = serde_json::from_value(request)?;
        // More than the socket holds of one that does not read, and then more than is kept for it.
        let long = format!("make {}", "x".repeat(10_000));
        for _ in 0..60 {
            other.ask(&folder, &long).await?;
        }
        let answer = json!({
            "t": "answer_approval", "id": request.id, "hash": request.hash(), "verdict": "denied", "holds": {"for": "once"},
        });
        other.send(answer).await?;
        other.hear(|notice| notice["event"] == "answered").await?;
        for _ in 0..100 {
            other.ask(&folder, "make").await?;
        }
        let id = request.id.to_string();
        let settled =
            |notice: &Value| notice["event"] == "settled" && notice["settled"]["id"] == id;
        slow.hear(settled).await?;
        anyhow::Ok(())
    };
    // What the agent itself prints must be read by somebody.
    let reads = async { while asking.world.agent.process.event().await.is_ok() {} };
    tokio::select! {
        heard = flood => heard,
        () = reads => anyhow::bail!("the agent has ended"),
    }
}

#[tokio::test]
async fn an_agent_whose_output_nobody_reads_goes_on() -> Result<()> {
    let mut asking = Asking::start().await?;
    asking.world.agent.process.kill().await?;
    let mut command = Agent::command(&asking.world.agent.state, &asking.home(), "unread")?;
    command.args(["up", "--json", "--no-pair"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut unread = command.kill_on_drop(true).spawn()?;
    let output = unread.stdout.take().context("its output")?;
    let mut output = BufReader::new(output).lines();
    while let Some(line) = timeout(PATIENCE, output.next_line()).await?? {
        if line.contains("\"online\"") {
            break;
        }
    }
    let mut owner = Owner::connect(&asking.world.agent.state).await?;
    // Far more than a pipe holds.
    let long = format!("make {}", "x".repeat(10_000));
    for _ in 0..60 {
        owner.ask(&asking.workspace, &long).await?;
    }
    ensure!(asking.waiting().await?.len() == 60);
    Ok(())
}

#[tokio::test]
async fn the_audit_log_is_read_and_an_edited_line_is_found() -> Result<()> {
    let asking = Asking::start().await?;
    let waiting = asking
        .ask(&["--name", "make", "--", "touch", "new"])
        .await?;
    ensure!(asking.run(&["deny", waiting.id()]).await?.status.success());
    waiting.ended().await?;
    let shown = asking.run(&["audit"]).await?;
    let shown = String::from_utf8(shown.stdout)?;
    for part in [
        "the agent began",
        "make (process",
        "asks to run: touch new",
        "denied at the machine",
    ] {
        ensure!(shown.contains(part), "{shown}");
    }
    let log = asking.audit_log();
    let whole = std::fs::read(&log)?;
    ensure!(asking.run(&["audit", "export"]).await?.stdout == whole);
    let verified = asking.run(&["audit", "verify", "--json"]).await?;
    let verified: Value = serde_json::from_slice(&verified.stdout)?;
    let lines = asking.audit()?;
    ensure!(
        verified["count"] == lines.len() && verified["broken"].is_null(),
        "{verified}"
    );

    std::fs::write(
        &log,
        String::from_utf8(whole)?.replace("touch new", "touch old"),
    )?;
    let verified = asking.run(&["audit", "verify"]).await?;
    let why = String::from_utf8(verified.stderr)?;
    let asked = lines.iter().position(|line| line["event"] == "asked");
    let edited = format!("line {} ", asked.context("a line")? + 1);
    ensure!(!verified.status.success() && why.contains(&edited), "{why}");
    Ok(())
}

#[tokio::test]
async fn lines_that_were_cut_off_at_the_end_are_missed_by_who_has_seen_them() -> Result<()> {
    let mut asking = Asking::start().await?;
    let waiting = asking.ask(&["--", "touch", "new"]).await?;
    ensure!(asking.run(&["deny", waiting.id()]).await?.status.success());
    waiting.ended().await?;
    asking.world.agent.process.kill().await?;
    let verified = asking.run(&["audit", "verify", "--json"]).await?;
    let verified: Value = serde_json::from_slice(&verified.stdout)?;
    let hash = verified["hash"].as_str().context("a hash")?;
    let seen = format!("{}:{hash}", verified["count"]);
    let verify = ["audit", "verify", "--seen", &seen];
    ensure!(asking.run(&verify).await?.status.success());

    let text = std::fs::read_to_string(asking.audit_log())?;
    let (rest, _) = text.trim_end().rsplit_once('\n').context("lines")?;
    std::fs::write(asking.audit_log(), format!("{rest}\n"))?;
    ensure!(asking.run(&["audit", "verify"]).await?.status.success());
    let missed = asking.run(&verify).await?;
    let why = String::from_utf8(missed.stderr)?;
    ensure!(
        !missed.status.success() && why.contains("was seen here"),
        "{why}"
    );
    Ok(())
}

#[tokio::test]
async fn a_log_that_somebody_wrote_anew_and_signed_himself_is_found() -> Result<()> {
    let mut asking = Asking::start().await?;
    asking.world.agent.process.kill().await?;
    let folder = asking.world.agent.state.join("audit");
    let agent = asking.audit()?[0]["agent"].clone();
    std::fs::remove_dir_all(&folder)?;
    let signer = Signer {
        agent: serde_json::from_value(agent)?,
        key: Arc::new(SigningKey::from_bytes(&[9; 32])),
        chain: Vec::new(),
    };
    drop(Recorder::open(&folder, signer, PATIENCE, clock::now())?);
    let verified = asking.run(&["audit", "verify"]).await?;
    let why = String::from_utf8(verified.stderr)?;
    ensure!(
        !verified.status.success() && why.contains("not this machine's"),
        "{why}"
    );
    Ok(())
}

#[tokio::test]
async fn an_edited_audit_log_is_kept_aside_when_the_agent_starts() -> Result<()> {
    let mut asking = Asking::start().await?;
    let log = asking.audit_log();
    asking.world.agent.process.kill().await?;
    let text = std::fs::read_to_string(&log)?;
    std::fs::write(&log, text.replace("began", "beg\u{0}n"))?;
    let (agent, said) = asking.world.agent.start_and_listen().await?;
    asking.world.agent = agent;
    let told = |event: &Value| {
        event["sentence"]
            .as_str()
            .is_some_and(|s| s.contains("line 1 of the audit log"))
    };
    ensure!(said.iter().any(told), "{said:?}");
    let verified = asking.run(&["audit", "verify"]).await?;
    ensure!(verified.status.success(), "{verified:?}");
    Ok(())
}

#[tokio::test]
async fn what_a_person_lets_stand_for_a_time_runs_without_asking_until_it_is_ended() -> Result<()> {
    let asking = Asking::start().await?;
    let waiting = asking.ask(&["--", "make", "-v"]).await?;
    ensure!(
        waiting.request["rules"] == json!(["Bash(make -v)"]),
        "{}",
        waiting.request
    );
    let answered = asking
        .run(&["approve", "--yes", "--for", "15m", waiting.id()])
        .await?;
    let said = String::from_utf8(answered.stdout)?;
    ensure!(said.contains("its rules for 15 minutes"), "{said}");
    let id = waiting.id().to_owned();
    waiting.ended().await?;
    let ran = asking.run(&["ask", "--json", "--", "make", "-v"]).await?;
    let decided: Value = serde_json::from_slice(&ran.stderr)?;
    ensure!(decided["decision"] == "allow", "{decided}");
    // With more than it was let have it is asked about again.
    for more in ["--network", "--outside"] {
        let other = asking.ask(&[more, "--", "make", "-v"]).await?;
        ensure!(asking.run(&["deny", other.id()]).await?.status.success());
    }
    // Nothing beside it is allowed.
    let other = asking.ask(&["--", "make", "-v", "-k"]).await?;
    let granted = asking.run(&["grants", "--json"]).await?;
    let granted: Value = serde_json::from_slice(&granted.stdout)?;
    ensure!(granted[0]["id"] == id.as_str(), "{granted}");
    ensure!(asking.run(&["deny", other.id()]).await?.status.success());
    ensure!(
        asking
            .run(&["grants", "--end", &id])
            .await?
            .status
            .success()
    );
    let again = asking.ask(&["--", "make", "-v"]).await?;
    ensure!(asking.run(&["deny", again.id()]).await?.status.success());
    Ok(())
}

#[tokio::test]
async fn what_stands_for_a_time_is_gone_after_a_restart() -> Result<()> {
    let mut asking = Asking::start().await?;
    let waiting = asking.ask(&["--", "make", "-v"]).await?;
    asking
        .run(&["approve", "--yes", "--for", "1h", waiting.id()])
        .await?;
    waiting.ended().await?;
    asking.run(&["mode", "accept-edits"]).await?;
    asking.world.agent.process.kill().await?;
    asking.world.agent.restart().await?;
    let granted = asking.run(&["grants", "--json"]).await?;
    ensure!(granted.stdout == b"[]\n", "{granted:?}");
    let mode = asking.run(&["mode", "--json"]).await?;
    ensure!(mode.stdout == b"{\"mode\":null}\n", "{mode:?}");
    Ok(())
}

#[tokio::test]
async fn in_plan_mode_nothing_is_asked_and_what_waited_is_void() -> Result<()> {
    let asking = Asking::start().await?;
    let waiting = asking.ask(&["--", "make", "-v"]).await?;
    ensure!(asking.run(&["mode", "plan"]).await?.status.success());
    let ended = waiting.ended().await?;
    ensure!(ended.status.code() == Some(125), "{ended:?}");
    let denied = asking.run(&["ask", "--json", "--", "make", "-v"]).await?;
    let decided: Value = serde_json::from_slice(&denied.stderr)?;
    ensure!(decided["decision"] == "deny", "{decided}");
    let reads = asking.run(&["ask", "--", "cat", "notes.txt"]).await?;
    ensure!(reads.stdout == b"a note\n", "{reads:?}");
    Ok(())
}

#[tokio::test]
async fn a_rule_is_saved_for_good_only_in_a_folder_that_is_trusted() -> Result<()> {
    let asking = Asking::start().await?;
    let waiting = asking.ask(&["--", "make", "-v"]).await?;
    ensure!(waiting.request["saved_in"] == "", "{}", waiting.request);
    let refused = asking
        .run(&["approve", "--yes", "--always", waiting.id()])
        .await?;
    let why = String::from_utf8(refused.stderr)?;
    ensure!(
        !refused.status.success() && why.contains("lanyard policy trust"),
        "{why}"
    );
    ensure!(asking.run(&["deny", waiting.id()]).await?.status.success());
    // As somebody at a terminal does.
    let state = StateDir::open(Some(asking.world.agent.state.clone()))?;
    let mut trust = state.trust();
    let now = clock::unix();
    trust.take(Word {
        folder: asking.workspace.display().to_string(),
        hash: Found::of(&asking.workspace).project_hash(),
        trusted: true,
        at: now,
    });
    state.save_trust(&trust, now)?;
    let waiting = asking.ask(&["--", "make", "-v"]).await?;
    let approved = asking
        .run(&["approve", "--yes", "--always", waiting.id()])
        .await?;
    ensure!(approved.status.success(), "{approved:?}");
    waiting.ended().await?;
    let file = asking.workspace.join(".lanyard/settings.local.toml");
    ensure!(std::fs::read_to_string(file)?.contains("Bash(make -v)"));
    let ran = asking.run(&["ask", "--json", "--", "make", "-v"]).await?;
    let decided: Value = serde_json::from_slice(&ran.stderr)?;
    ensure!(decided["decision"] == "allow", "{decided}");
    Ok(())
}

#[test]
fn every_test_that_the_pages_name_is_there() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let sources = [
        "shared/src/approval.rs",
        "local-agent/src/core/approvals.rs",
        "local-agent/src/core/tests/approving.rs",
        "local-agent/src/core/tests/recording.rs",
        "local-agent/src/core/tests/permissions.rs",
        "local-agent/src/policy/save.rs",
        "local-agent/src/policy/card.rs",
        "local-agent/src/audit/sense.rs",
        "local-agent/src/audit/chain.rs",
        "local-agent/src/audit/log.rs",
        "local-agent/src/audit/recorder.rs",
        "local-agent/src/cli/card.rs",
        "shared/tests/vectors/approval.rs",
        "local-agent/src/cli/hook/settings.rs",
        "tests/tests/approvals.rs",
        "tests/tests/hook.rs",
        "tests/tests/blast/main.rs",
    ];
    let mut tests = String::new();
    for source in sources {
        tests.push_str(&std::fs::read_to_string(root.join(source))?);
    }
    for page in ["docs/APPROVALS.md", "docs/AUDIT.md"] {
        let text = std::fs::read_to_string(root.join(page))?;
        let words = text.split('`').skip(1).step_by(2);
        let named: Vec<_> = words.filter(|word| word.matches('_').count() > 2).collect();
        ensure!(named.len() > 10, "{named:?}");
        for name in named {
            ensure!(tests.contains(&format!("fn {name}()")), "{page}: {name}");
        }
    }
    Ok(())
}
