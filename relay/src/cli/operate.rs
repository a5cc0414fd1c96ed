//! The commands that speak with a relay, or with the database of one that is stopped.

use super::Data;
use super::life::{code_life, token_life};
use crate::data::DataDir;
use crate::operator::{Answer, Request, ask_or_do};
use crate::output::{self, Form};
use crate::tokens::{Purpose, Spoken, TokenId};
use crate::trouble::Trouble;
use clap::{Args, Subcommand};
use lanyard_shared::ids::AgentId;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct Enrol {
    #[command(flatten)]
    common: Data,
    /// How long the code can be used, at most 24h: seconds, or a number with s, m or h
    #[arg(long = "for", value_name = "TIME", default_value = "10m", value_parser = code_life)]
    life: Duration,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Agents {
    #[command(flatten)]
    common: Data,
    #[command(subcommand)]
    command: Option<AgentsCommand>,
}

#[derive(Debug, Subcommand)]
enum AgentsCommand {
    /// Remove a machine for good: its links end now, and it can join again only with a new code
    #[command(after_help = "Example:\n  lanyard-relay agents revoke IqqETZ3HeOT0jBkKNZyJ7Q")]
    Revoke {
        #[command(flatten)]
        common: Data,
        /// Its id, as `lanyard-relay agents` lists it
        #[arg(value_name = "ID", value_parser = agent_id, allow_hyphen_values = true)]
        id: AgentId,
    },
}

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token and print it, once
    #[command(after_help = "Examples:\n  \
        lanyard-relay token create --purpose metrics --for 24h --note prometheus\n  \
        lanyard-relay token create --purpose enrol --json")]
    Create {
        #[command(flatten)]
        common: Data,
        /// What it opens, and nothing else
        #[arg(long, value_name = "PURPOSE")]
        purpose: Purpose,
        /// How long it opens it, at most 24h: seconds, or a number with s, m or h
        #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = token_life)]
        life: Duration,
        /// What to remember it by
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
    },
    /// List tokens: for what, until when, last used when and from where
    #[command(after_help = "Example:\n  lanyard-relay token list --json")]
    List {
        #[command(flatten)]
        common: Data,
    },
    /// End tokens now
    #[command(after_help = "Examples:\n  \
        lanyard-relay token revoke 5f1c8a0be2d94763\n  \
        lanyard-relay token revoke --purpose metrics\n  \
        lanyard-relay token revoke --all")]
    Revoke {
        #[command(flatten)]
        common: Data,
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// The id of one, as `lanyard-relay token list` lists it
    #[arg(value_name = "ID", value_parser = token_id)]
    id: Option<TokenId>,
    /// All for this purpose
    #[arg(long, value_name = "PURPOSE")]
    purpose: Option<Purpose>,
    /// All there are
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Subcommand)]
pub enum Tls {
    /// Read the files of --tls-cert and --tls-key again; links that stand go on
    #[command(after_help = "Example:\n  lanyard-relay tls reload --json")]
    Reload {
        #[command(flatten)]
        common: Data,
    },
}

pub fn enrol(args: Enrol) -> Result<(), Trouble> {
    let request = Request::Enrol {
        seconds: args.life.as_secs(),
    };
    match ask(args.common, request)? {
        (form, Answer::Code(code)) => output::code(form, &code),
        (_, answer) => return Err(other(&answer)),
    }
    Ok(())
}

pub fn agents(args: Agents) -> Result<(), Trouble> {
    let (common, request) = match args.command {
        None => (args.common, Request::Agents {}),
        Some(AgentsCommand::Revoke { common, id }) => (common, Request::RevokeAgent { id }),
    };
    match ask(common, request)? {
        (form, Answer::Agents(list)) => output::agents(form, &list),
        (form, Answer::Removed(agent)) => output::removed(form, &agent),
        (_, answer) => return Err(other(&answer)),
    }
    Ok(())
}

pub fn token(command: Token) -> Result<(), Trouble> {
    let (common, request, print): (_, _, fn(Form, &[_])) = match command {
        Token::Create {
            common,
            purpose,
            life,
            note,
        } => {
            let seconds = life.as_secs();
            let request = Request::CreateToken {
                purpose,
                seconds,
                note,
            };
            (common, request, output::tokens)
        }
        Token::List { common } => (common, Request::Tokens {}, output::tokens),
        Token::Revoke { common, which } => {
            let which = which.spoken();
            (common, Request::RevokeTokens { which }, output::ended)
        }
    };
    match ask(common, request)? {
        (form, Answer::Token(token)) => output::new_token(form, &token),
        (form, Answer::Tokens(list)) => print(form, &list),
        (_, answer) => return Err(other(&answer)),
    }
    Ok(())
}

pub fn tls(command: Tls) -> Result<(), Trouble> {
    let Tls::Reload { common } = command;
    match ask(common, Request::Reload {})? {
        (form, Answer::Certificate(served)) => output::certificate(form, &served),
        (_, answer) => return Err(other(&answer)),
    }
    Ok(())
}

fn ask(common: Data, request: Request) -> Result<(Form, Answer), Trouble> {
    let form = Form::json(common.json);
    let data = DataDir::resolve(common.data)?;
    Ok((form, ask_or_do(&data, request)?))
}

/// The answer itself is not shown: it may hold a secret.
fn other(_: &Answer) -> Trouble {
    Trouble::new("the relay gave another answer than was asked for")
        .hint("use the same version of lanyard-relay")
}

fn agent_id(text: &str) -> Result<AgentId, String> {
    AgentId::parse(text)
        .ok_or_else(|| "run `lanyard-relay agents` for the ids there are".to_owned())
}

fn token_id(text: &str) -> Result<TokenId, String> {
    TokenId::parse(text).ok_or_else(|| {
        "expected an id as `lanyard-relay token list` lists it, never the token itself".to_owned()
    })
}

impl Which {
    fn spoken(self) -> Spoken {
        match (self.id, self.purpose) {
            (Some(id), _) => Spoken::Id(id),
            (None, Some(purpose)) => Spoken::Purpose(purpose),
            // One of the three was typed.
            (None, None) => Spoken::All,
        }
    }
}
