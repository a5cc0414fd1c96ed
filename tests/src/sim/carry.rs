//! One instant: timers that are due fire, and messages, effects and events are carried about until nothing moves.

use super::relay::{self, LinkId, Way};
use super::{HOST, ROUNDS, Side, Sim};
use bytes::Bytes;
use lanyard_shared::close::CloseCode;

impl Sim {
    pub(super) fn fire(&mut self) {
        self.steps += 1;
        if !self.is_asleep(Side::Agent) {
            let now = self.agent.now(self.at);
            self.agent.core.on_timeout(now);
        }
        for n in 0..self.viewers.len() {
            if !self.is_asleep(Side::Viewer(n)) {
                let now = self.viewers[n].now(self.at);
                self.viewers[n].core.on_timeout(now);
            }
        }
        let now = self.relay_now();
        let ids: Vec<_> = self.relay.links.keys().copied().collect();
        for id in ids {
            if let Some(last) = self.relay.on_timeout(id, now) {
                self.send(id, Way::Down, last);
            }
        }
    }

    /// Carries everything there is to carry at this instant until nothing moves.
    pub(super) fn settle(&mut self) {
        for _ in 0..ROUNDS {
            let mut moved = self.dial();
            moved |= self.carry_out();
            for side in self.sides() {
                moved |= self.speak(side);
            }
            let ids: Vec<_> = self.relay.links.keys().copied().collect();
            for id in ids {
                moved |= self.relay_hears(id);
                moved |= self.relay_speaks(id);
                moved |= self.party_hears(id);
            }
            moved |= self.consume();
            if !moved {
                return;
            }
        }
        panic!("messages go round in circles at {}", self.at);
    }

    fn dial(&mut self) -> bool {
        let mut moved = false;
        let at = self.at;
        if self.agent.dials().is_some_and(|due| due <= at) && !self.is_asleep(Side::Agent) {
            moved = true;
            if self.relay.up {
                let (id, question) = self.relay.accept(Side::Agent, self.relay_now());
                self.agent.dialled(id, at);
                self.send(id, Way::Down, question);
            } else {
                self.agent.dial_again(self.random.u32(..), at);
            }
        }
        for n in 0..self.viewers.len() {
            let now = self.viewers[n].now(at).mono;
            if self.is_asleep(Side::Viewer(n)) || !self.viewers[n].core.poll_dial(now) {
                continue;
            }
            moved = true;
            if self.relay.up {
                let (id, question) = self.relay.accept(Side::Viewer(n), self.relay_now());
                self.viewers[n].link = Some(id);
                self.viewers[n].core.dialled(HOST.into(), now);
                self.send(id, Way::Down, question);
            } else {
                let random = self.random.u32(..);
                let why = CloseCode::Cut.into();
                self.viewers[n].core.dial_failed(why, None, random, now);
            }
        }
        moved
    }

    /// What a party has to say goes on its way. Afterwards a link that is over is closed.
    fn speak(&mut self, side: Side) -> bool {
        if self.is_asleep(side) {
            return false;
        }
        let id = self.link_of(side);
        let mut moved = false;
        while id
            .and_then(|id| self.relay.links.get(&id))
            .is_none_or(|link| !link.up.is_full())
        {
            let message = match side {
                Side::Agent => self.agent.core.poll_output(),
                Side::Viewer(n) => self.viewers[n].core.poll_output(),
            };
            let Some(message) = message else { break };
            moved = true;
            if let Some(id) = id {
                self.send(id, Way::Up, message);
            }
        }
        let over = match side {
            Side::Agent => self.agent.link.is_some() && !self.agent.core.has_link(),
            Side::Viewer(n) => self.viewers[n].core.is_link_over(),
        };
        if over {
            if let Some(link) = id.and_then(|id| self.relay.links.get_mut(&id)) {
                link.peer_gone = true;
            }
            self.party_lost(side);
        }
        moved | over
    }

    /// A party's socket is gone.
    pub(super) fn party_lost(&mut self, side: Side) {
        match side {
            Side::Agent => self.agent.disconnected(),
            Side::Viewer(n) => {
                let random = self.random.u32(..);
                let now = self.viewers[n].now(self.at).mono;
                self.viewers[n].link = None;
                self.viewers[n].core.disconnected(random, now);
            }
        }
    }

    fn send(&mut self, id: LinkId, way: Way, message: Bytes) {
        let (least, most) = self.delay;
        let at = self.at + least + self.random_below(most.saturating_sub(least) + 1);
        let overtakes = self.shuffles && self.random.u8(..) < 64;
        let Some(link) = self.relay.links.get_mut(&id) else {
            return;
        };
        let mut armed = std::mem::take(&mut link.armed[way as usize]);
        armed.send(message, at, link.pipe(way), &mut self.kept);
        if overtakes {
            link.pipe(way).overtake();
        }
    }

    fn relay_hears(&mut self, id: LinkId) -> bool {
        let (at, now) = (self.at, self.relay_now());
        let mut moved = false;
        while let Some(message) = self
            .relay
            .links
            .get_mut(&id)
            .filter(|link| !link.black_hole)
            .and_then(|link| link.up.take(at))
        {
            moved = true;
            self.steps += 1;
            if let Err((last, why)) = self.relay.hear(id, message, now) {
                assert!(
                    self.meddled || why.ends_with("proof"),
                    "the relay finds an honest peer at fault: {why}"
                );
                self.send(id, Way::Down, last);
            }
        }
        if self
            .relay
            .links
            .get(&id)
            .is_some_and(|link| link.peer_gone && !link.black_hole && link.up.next().is_none())
        {
            self.relay.links.remove(&id);
            moved = true;
        }
        moved
    }

    fn relay_speaks(&mut self, id: LinkId) -> bool {
        let mut moved = false;
        while let Some(message) = self
            .relay
            .links
            .get_mut(&id)
            .filter(|link| !link.down.is_full())
            .and_then(relay::Link::poll)
        {
            moved = true;
            self.send(id, Way::Down, message);
        }
        moved
    }

    fn party_hears(&mut self, id: LinkId) -> bool {
        let mut moved = false;
        loop {
            let Some(link) = self.relay.links.get(&id).filter(|link| !link.black_hole) else {
                return moved;
            };
            let side = link.side;
            if self.link_of(side) != Some(id) || self.is_deaf(side) {
                return moved;
            }
            let link = self.relay.links.get_mut(&id);
            let Some(link) = link else { return moved };
            if let Some(message) = link.down.take(self.at) {
                (moved, self.steps) = (true, self.steps + 1);
                match side {
                    Side::Agent => {
                        let now = self.agent.now(self.at);
                        self.agent.core.handle(message, now);
                    }
                    Side::Viewer(n) => {
                        let now = self.viewers[n].now(self.at);
                        self.viewers[n].core.handle(message, now);
                    }
                }
                // What it wants done and said because of this comes before the next message.
                self.carry_out();
            } else {
                if link.is_closing() && link.down.next().is_none() {
                    self.relay.links.remove(&id);
                    self.party_lost(side);
                    moved = true;
                }
                return moved;
            }
        }
    }

    fn carry_out(&mut self) -> bool {
        if self.is_asleep(Side::Agent) {
            return false;
        }
        let random = self.random.u32(..);
        self.agent.carry_out(&mut self.terminals, random, self.at)
    }

    fn consume(&mut self) -> bool {
        let mut moved = false;
        for n in 0..self.viewers.len() {
            if !self.is_asleep(Side::Viewer(n)) && !self.viewers[n].stalled {
                let terminals = &self.terminals;
                let now = self.viewers[n].now(self.at);
                moved |= self.viewers[n].consume(|id| terminals.get(id), now);
            }
        }
        moved
    }
}
