//! How unpaired viewers come in: a rendezvous, a handshake, a question to a person, a place in the device table.

use super::Core;
use super::devices::Device;
use super::effect::{Effect, Question};
use super::pairing::QuestionId;
use super::session::{clean_name, from_text};
use super::talk::{Phase, TalkPurpose};
use crate::audit::Event;
use crate::random;
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Origin, StreamId};
use lanyard_shared::ids::{DeviceId, RendezvousId, TokenId};
use lanyard_shared::msg::{self, PairReply, PairRequest};
use lanyard_shared::noise::Session;
use lanyard_shared::time::{Now, UnixMs};
use lanyard_shared::token::{self, NewToken};
use lanyard_shared::{pair, words};

impl Core {
    /// An unpaired viewer knocks.
    pub(super) fn open_pair(
        &mut self,
        stream: StreamId,
        origin: Origin,
        rendezvous: RendezvousId,
        versions: Vec<u16>,
        now: Now,
    ) -> Result<(), CloseCode> {
        if self.clock_is_behind(now) {
            return Err(CloseCode::ClockBehind);
        }
        self.pairings
            .get_open(rendezvous, now.unix)
            .ok_or_else(|| self.pairings.why_closed(rendezvous))?;
        let id = DeviceId::of_key(&origin.device);
        self.accept_talk(
            stream,
            origin,
            id,
            TalkPurpose::Pair(rendezvous),
            versions,
            now,
        )
    }

    /// The first transport message of a pairing: the secret is spent, and a person is asked.
    pub(super) fn pair_request(
        &mut self,
        stream: StreamId,
        session: Session,
        rendezvous: RendezvousId,
        plain: &[u8],
        now: Now,
    ) -> Result<(), CloseCode> {
        let pairing = self
            .pairings
            .spend(rendezvous, now.unix)
            .ok_or(CloseCode::PairUsed)?;
        let invitation = pairing.invitation.clone();
        self.announce();
        let request: PairRequest = msg::decode(plain).map_err(|_| CloseCode::BadMessage)?;
        let talk = self.talks.get(&stream).ok_or(CloseCode::Internal)?;
        let noise_key = *session.remote();
        let joined = pair::verify_pairing(
            &request.key.0,
            session.handshake_hash(),
            self.agent,
            &noise_key,
            &request.signature.0,
        );
        // The link proved the same key, so that the relay's idea of this device is ours too.
        if !joined || request.key.0 != talk.origin.device {
            return Err(CloseCode::ProofRefused);
        }
        let device = Device {
            id: talk.device,
            name: clean_name(&request.name),
            noise_key: b64::Bytes(noise_key),
            scopes: invitation.scopes,
            epoch: 1,
            paired: now.unix,
            seen: now.unix,
            expires: now.unix,
            reach: invitation.reach,
            until: invitation.stays.map(|stays| now.unix + stays),
            from: from_text(talk.origin.from),
            keys_since: Some(now.unix),
            serial: self.identity.noise().serial,
            generation: 0,
            advanced: now.unix,
            suspended: false,
            rekey: None,
            replaces: None,
        };
        let question = self.next_question;
        self.next_question += 1;
        let ask = Question {
            id: question,
            device: device.name.clone(),
            words: words::check_words(session.handshake_hash()),
            scopes: device.scopes.clone(),
            reach: device.reach.clone(),
            until: device.until,
        };
        self.stand(stream, Phase::Asking(session, Box::new(device), question));
        self.say(stream, &PairReply::Waiting {});
        if invitation.without_asking {
            self.answer(question, true, now);
        } else {
            self.effects.push_back(Effect::Ask(ask));
        }
        Ok(())
    }

    /// A person at the machine has answered. False when the question is no longer asked.
    pub fn answer(&mut self, question: QuestionId, yes: bool, now: Now) -> bool {
        let asked = |phase: &Phase| matches!(phase, Phase::Asking(_, _, id) if *id == question);
        let Some((stream, talk)) = self.talks.iter_mut().find(|(_, talk)| asked(&talk.phase))
        else {
            return false;
        };
        let stream = *stream;
        let Phase::Asking(session, device, _) = std::mem::replace(&mut talk.phase, Phase::Over)
        else {
            return false;
        };
        talk.phase = Phase::Standing(session);
        let verdict = if !yes {
            Err(CloseCode::PairDenied)
        } else if self.clock_is_behind(now) {
            Err(CloseCode::ClockBehind)
        } else {
            self.admit(*device, now)
        };
        match verdict {
            Ok(reply) => {
                self.say(stream, &reply);
                self.close(stream, CloseCode::Done);
            }
            Err(code) => {
                self.say(
                    stream,
                    &PairReply::Refused {
                        reason: code.into(),
                    },
                );
                self.close(stream, code);
            }
        }
        true
    }

    fn admit(&mut self, device: Device, now: Now) -> Result<PairReply, CloseCode> {
        // A device that pairs again starts a new epoch: whatever it held before is void.
        let epoch = self.devices.next_epoch(device.id);
        self.end_device(device.id, CloseCode::Replaced);
        self.drop_next_keys(device.id, now.unix);
        let (paired, expires) = (now.unix, device.grant_ends(now.unix));
        let device = Device {
            epoch,
            paired,
            expires,
            keys_since: Some(paired),
            ..device
        };
        let (name, scopes) = (device.name.clone(), device.scopes.clone());
        let (reach, until) = (device.reach.clone(), device.until);
        let paired = Event::Paired {
            device: device.id,
            name: name.clone(),
            scopes: scopes.clone(),
            reach: reach.clone(),
            until,
        };
        let grant = self.grant(&device, TokenId(random::bytes()), now.unix)?;
        self.devices
            .admit(device, now.unix)
            .map_err(|_| CloseCode::Busy)?;
        self.effects.push_back(Effect::SaveDevices);
        self.record(paired);
        self.announce();
        let reply = PairReply::Granted {
            grant,
            scopes: scopes.clone(),
            reach,
            expires,
            until,
            identity: b64::Bytes(self.identity.public()),
            serial: self.identity.noise().serial,
        };
        self.effects.push_back(Effect::Paired { name, scopes });
        Ok(reply)
    }

    /// A grant for as long as the device's entry says.
    pub(super) fn grant(
        &self,
        device: &Device,
        id: TokenId,
        now: UnixMs,
    ) -> Result<String, CloseCode> {
        let new = NewToken {
            agent: self.agent,
            device: device.id,
            issued: now,
            // By whole seconds, as tokens count: the second of two for the same end ends no earlier.
            life: UnixMs::from_secs(now.secs()).until(device.expires),
            id,
            conn: None,
            epoch: device.epoch,
        };
        token::issue::<token::Device>(self.identity.key(), &new).map_err(|_| CloseCode::Internal)
    }
}
