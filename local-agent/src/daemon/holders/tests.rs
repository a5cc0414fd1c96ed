use super::*;
use bytes::BytesMut;
use lanyard_holder::wire::{Decoder, Message as _};
use std::os::unix::fs::PermissionsExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const ID: lanyard_holder::TerminalId = lanyard_holder::TerminalId([3; 16]);

/// Holders in a folder, that end when they were alone for so long.
fn holders(dir: &Path, orphans_end_after: Duration) -> (Holders, UnboundedReceiver<News>) {
    let place = Place {
        dir: dir.to_owned(),
        exe: dir.to_owned(),
        cwd: dir.to_owned(),
    };
    let (tell, news) = mpsc::unbounded_channel();
    let shelf = (Shelf::new(dir.join("history")), false);
    (Holders::new(place, orphans_end_after, shelf, tell), news)
}

/// What comes next; `None` at the end.
async fn hear(
    stream: &mut UnixStream,
    decoder: &mut Decoder<FromClient>,
) -> Outcome<Option<FromClient>> {
    loop {
        if let Some(message) = decoder.next()? {
            return Ok(Some(message));
        }
        if stream.read_buf(decoder.buffer()).await? == 0 {
            return Ok(None);
        }
    }
}

/// Plays a holder to whoever says hello; returns what it hears then.
async fn first_words(listener: &UnixListener) -> Outcome<Option<FromClient>> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut decoder = Decoder::default();
        // A look whether anybody listens says nothing.
        let Some(FromClient::Hello { version, .. }) = hear(&mut stream, &mut decoder).await? else {
            continue;
        };
        let mut welcome = BytesMut::new();
        let message = FromHolder::Welcome(Welcome {
            version,
            pid: 1,
            cols: 80,
            rows: 24,
            head: 0,
            tail: 0,
            started: 0,
            title: String::new(),
            exit: None,
        });
        message.encode(&mut welcome);
        stream.write_all(&welcome).await?;
        return hear(&mut stream, &mut decoder).await;
    }
}

#[tokio::test]
async fn a_holder_that_is_found_hears_how_long_it_may_be_left_alone_from_now_on() -> Outcome {
    let dir = tempfile::tempdir()?;
    let place = dir.path().join(ID.to_string());
    std::fs::create_dir(&place)?;
    let listener = UnixListener::bind(place.join("socket"))?;
    let bound = Duration::from_secs(7);
    let path = dir.path().to_owned();
    let (mut holders, mut news) = holders(&path, bound);
    let (found, heard) = tokio::join!(holders.find(), first_words(&listener));
    found?;
    assert_eq!(heard?, Some(FromClient::OrphanAfter(7)));
    assert!(matches!(news.recv().await, Some(News::Terminal(terminal)) if terminal.id.0 == ID.0));
    Ok(())
}

#[tokio::test]
async fn a_holder_that_answers_late_keeps_nobody_waiting_and_is_taken_in_then() -> Outcome {
    let dir = tempfile::tempdir()?;
    let place = dir.path().join(ID.to_string());
    std::fs::create_dir(&place)?;
    let listener = UnixListener::bind(place.join("socket"))?;
    let path = dir.path().to_owned();
    let (mut holders, mut news) = holders(&path, Duration::ZERO);
    holders.find().await?;
    assert!(news.try_recv().is_err());
    first_words(&listener).await?;
    assert!(matches!(news.recv().await, Some(News::Terminal(_))));
    Ok(())
}

#[tokio::test]
async fn a_terminal_whose_holder_an_agent_that_was_killed_had_just_started_is_that_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let id = lanyard_holder::TerminalId([7; 16]);
    let mut config = HolderConfig::new(dir.path().join("holders"), id);
    config.command = vec!["cat".to_owned()];
    // What a second holder of one id does.
    let second = dir.path().join("second");
    let says = "#!/bin/sh\ncat > /dev/null\necho is already held\n";
    std::fs::write(&second, says).unwrap();
    std::fs::set_permissions(&second, std::fs::Permissions::from_mode(0o700)).unwrap();
    let first = lanyard_holder::run(config.clone());
    let wished = async {
        let conn = started(&second, &config).await.unwrap();
        let (_, _, mut writer) = conn.split();
        writer.send(&FromClient::Kill).await.unwrap();
    };
    let both = async { tokio::join!(first, wished) };
    let (held, ()) = tokio::task::LocalSet::new().run_until(both).await;
    held.unwrap();
}
