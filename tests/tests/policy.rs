//! `lanyard policy`, as scripts and people use it: the program itself, real folders and links.
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use lanyard_tests::process::{program, run};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A folder to work in, with a link that leads out of it, and a home of its own.
struct Folder {
    dir: TempDir,
}

impl Folder {
    fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let folder = Self { dir };
        fs::create_dir_all(folder.work().join("src"))?;
        fs::create_dir_all(folder.dir.path().join("home/.config/lanyard"))?;
        fs::create_dir(folder.dir.path().join("outside"))?;
        fs::write(folder.work().join("src/main.rs"), "fn main() {}\n")?;
        symlink("../outside", folder.work().join("out"))?;
        symlink("../.env", folder.work().join("src/notes"))?;
        Ok(folder)
    }

    fn work(&self) -> std::path::PathBuf {
        self.dir.path().join("work")
    }

    fn user_settings(&self, text: &str) -> Result<()> {
        let file = self.dir.path().join("home/.config/lanyard/settings.toml");
        Ok(fs::write(file, text)?)
    }

    fn project_settings(&self, text: &str) -> Result<()> {
        fs::create_dir_all(self.work().join(".lanyard"))?;
        Ok(fs::write(self.work().join(".lanyard/settings.toml"), text)?)
    }

    fn lanyard(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(program("lanyard")?);
        command
            .arg("policy")
            .args(arguments)
            .env_clear()
            .env("HOME", self.dir.path().join("home"))
            .current_dir(self.work());
        Ok(command)
    }

    async fn run(&self, arguments: &[&str]) -> Result<(ExitStatus, String, String)> {
        run(&mut self.lanyard(arguments)?).await
    }
}

/// `lanyard policy check`, spoken to.
struct Checker {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Checker {
    fn start(folder: &Folder) -> Result<Self> {
        let mut command = folder.lanyard(&["check"])?;
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        Ok(Self {
            requests: child.stdin.take().context("stdin")?,
            answers: BufReader::new(child.stdout.take().context("stdout")?),
            child,
        })
    }

    async fn ask(&mut self, request: &Value) -> Result<Value> {
        self.requests
            .write_all(format!("{request}\n").as_bytes())
            .await?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).await?;
        Ok(serde_json::from_str(&answer)?)
    }

    async fn decision(&mut self, request: &Value) -> Result<String> {
        let answer = self.ask(request).await?;
        Ok(answer["decision"]
            .as_str()
            .context("a decision")?
            .to_owned())
    }
}

#[tokio::test]
async fn each_request_is_answered_before_the_next_is_asked() -> Result<()> {
    let folder = Folder::new()?;
    let mut checker = Checker::start(&folder)?;
    let answer = checker.ask(&json!({"cmd": "ls src | wc -l"})).await?;
    assert_eq!(answer["decision"], "allow");
    assert_eq!(answer["parts"][1]["text"], "wc -l");
    let answer = checker.ask(&json!({"cmd": "rm src"})).await?;
    assert_eq!(answer["decision"], "ask");
    drop(checker.requests);
    ensure!(checker.child.wait().await?.success());
    Ok(())
}

#[tokio::test]
async fn links_are_followed_on_the_real_file_system() -> Result<()> {
    let folder = Folder::new()?;
    let mut checker = Checker::start(&folder)?;
    for (tool, input, decision) in [
        ("Read", "src/main.rs", "allow"),
        ("Read", "out/x", "ask"),
        ("Read", "src/notes", "ask"),
        ("Edit", "src/main.rs", "allow"),
        ("Write", "src/new.rs", "allow"),
        ("Write", "out/new.rs", "ask"),
        ("Write", ".git/hooks/pre-commit", "ask"),
    ] {
        let request = json!({"tool": tool, "input": input, "mode": "accept-edits"});
        assert_eq!(
            checker.decision(&request).await?,
            decision,
            "{tool} {input}"
        );
    }
    for (cmd, decision) in [
        ("cat src/main.rs", "allow"),
        ("cat out/x", "ask"),
        ("cd out && ls", "ask"),
        ("cat src/notes", "ask"),
    ] {
        assert_eq!(
            checker.decision(&json!({"cmd": cmd})).await?,
            decision,
            "{cmd}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn what_a_project_allows_counts_only_where_it_is_trusted() -> Result<()> {
    let folder = Folder::new()?;
    folder.user_settings("[permissions]\nallow = [\"Bash(make:*)\"]\n")?;
    folder.project_settings(
        "[permissions]\nallow = [\"Bash(npm test)\"]\ndeny = [\"Bash(make deploy)\"]\n",
    )?;
    let mut checker = Checker::start(&folder)?;
    for (request, decision) in [
        (json!({"cmd": "npm test"}), "ask"),
        (json!({"cmd": "npm test", "trusted": true}), "allow"),
        (json!({"cmd": "make test"}), "allow"),
        (json!({"cmd": "make deploy"}), "deny"),
        (json!({"cmd": "git status", "trusted": false}), "ask"),
    ] {
        assert_eq!(checker.decision(&request).await?, decision, "{request}");
    }
    Ok(())
}

#[tokio::test]
async fn a_broken_file_asks_for_everything_and_says_where_it_is_broken() -> Result<()> {
    let folder = Folder::new()?;
    folder.user_settings("[permissions]\nallow = [\"Bash(make:*)\"]\n")?;
    folder.project_settings("mode = \"ask\"\npermission = 1\n")?;
    let (status, _, complaint) = folder.run(&["explain", "git status"]).await?;
    ensure!(status.success());
    ensure!(
        complaint.contains(".lanyard/settings.toml:2:1: there is no setting `permission`"),
        "{complaint}"
    );
    ensure!(complaint.contains("hint: "), "{complaint}");
    let mut checker = Checker::start(&folder)?;
    for cmd in ["git status", "make test"] {
        assert_eq!(
            checker.decision(&json!({"cmd": cmd})).await?,
            "ask",
            "{cmd}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn examples_beside_rules_are_tried() -> Result<()> {
    let folder = Folder::new()?;
    let rule = |not: &str| {
        format!(
            "[permissions]\nallow = [{{ rule = \"Bash(npm run test:*)\", matches = [\"npm run test -- -u\"], not = [\"{not}\"] }}]\n"
        )
    };
    folder.project_settings(&rule("npm run test; rm x"))?;
    let (status, said, _) = folder.run(&["test"]).await?;
    ensure!(
        status.success() && said.contains("settings.toml: 1 rule\n"),
        "{said}"
    );
    folder.project_settings(&rule("npm run test -u"))?;
    let (status, said, _) = folder.run(&["test"]).await?;
    ensure!(status.code() == Some(1), "{status}");
    ensure!(
        said.contains("settings.toml:2: Bash(npm run test:*) should not match `npm run test -u`"),
        "{said}"
    );
    let (_, said, _) = folder.run(&["test", "--json"]).await?;
    let said: Value = serde_json::from_str(&said)?;
    assert_eq!(said["passed"], false);
    assert_eq!(said["failures"][0]["example"], "npm run test -u");
    Ok(())
}

#[tokio::test]
async fn a_pipe_in_a_settings_files_place_is_not_waited_for() -> Result<()> {
    let folder = Folder::new()?;
    let file = folder.work().join(".lanyard/settings.toml");
    fs::create_dir_all(file.parent().unwrap_or(Path::new("/")))?;
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &file,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )?;
    let (status, said, complaint) = folder.run(&["explain", "ls"]).await?;
    ensure!(
        status.success() && said.starts_with("asked about"),
        "{said}"
    );
    ensure!(complaint.contains("it is no plain file"), "{complaint}");
    Ok(())
}
