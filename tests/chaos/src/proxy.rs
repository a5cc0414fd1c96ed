//! A network that can be broken: a TCP proxy on loopback whose connections stall, crawl, close and reset on command.

use anyhow::Result;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes at once.
    Fair,
    /// Every piece waits so long.
    Slow(Duration),
    /// Nothing passes and nothing is refused: both ends believe that they are connected.
    Still,
    /// Nobody is connected any more, and nobody gets a connection.
    Gone,
}

/// How connections that stand end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In good order.
    Closed,
    /// With a reset.
    Reset,
}

/// What all connections of a proxy listen to.
#[derive(Clone, Copy, Debug)]
struct Orders {
    weather: Weather,
    /// Rises when the connections that stand are to end.
    ended: u64,
    /// Rises when the connections that stand are to be forgotten.
    forgotten: u64,
    how: End,
}

/// A proxy. Its connections end when it goes.
#[derive(Debug)]
pub struct Proxy {
    /// `127.0.0.1:port`.
    pub address: String,
    orders: watch::Sender<Orders>,
}

impl Proxy {
    /// Listens on a free port, and leads to `to`.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(to: String) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let orders = Orders {
            weather: Weather::Fair,
            ended: 0,
            forgotten: 0,
            how: End::Closed,
        };
        let (orders, listens) = watch::channel(orders);
        tokio::spawn(accept(listener, to, listens));
        Ok(Self { address, orders })
    }

    /// Changes the weather.
    pub fn set(&self, weather: Weather) {
        self.orders.send_modify(|orders| orders.weather = weather);
    }

    /// Ends every connection that stands.
    pub fn end(&self, how: End) {
        self.orders.send_modify(|orders| {
            orders.ended += 1;
            orders.how = how;
        });
    }

    /// Carries nothing any more on connections that stand, and tells neither end.
    pub fn forget(&self) {
        self.orders.send_modify(|orders| orders.forgotten += 1);
    }
}

async fn accept(listener: TcpListener, to: String, orders: watch::Receiver<Orders>) {
    let mut gone = orders.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // The proxy is no more.
            closed = gone.wait_for(|_| false) => match closed { Ok(_) | Err(_) => return },
        };
        let Ok((near, _)) = accepted else { continue };
        if orders.borrow().weather == Weather::Gone {
            reset(&near);
            continue;
        }
        tokio::spawn(carry(near, to.clone(), orders.clone()));
    }
}

async fn carry(mut near: TcpStream, to: String, mut orders: watch::Receiver<Orders>) {
    let Ok(mut far) = TcpStream::connect(to).await else {
        reset(&near);
        return;
    };
    let (born, knows) = (orders.borrow().ended, orders.borrow().forgotten);
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (up, down) = (orders.clone(), orders.clone());
    let how = {
        let ((near_read, near_write), (far_read, far_write)) = (near.split(), far.split());
        let over = |orders: &Orders| orders.ended > born || orders.weather == Weather::Gone;
        tokio::select! {
            ended = orders.wait_for(over) => ended.map_or(End::Closed, |orders| orders.how),
            () = pump(near_read, far_write, up, knows) => End::Closed,
            () = pump(far_read, near_write, down, knows) => End::Closed,
        }
    };
    if how == End::Reset {
        reset(&near);
        reset(&far);
    }
}

/// Carries one direction.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut orders: watch::Receiver<Orders>,
    knows: u64,
) {
    let mut piece = vec![0; 32 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        let passes = |orders: &Orders| orders.weather != Weather::Still;
        let Ok(orders) = orders.wait_for(passes).await.map(|orders| *orders) else {
            return;
        };
        let weather = orders.weather;
        if orders.forgotten > knows {
            // What comes is taken, so that nobody notices, and goes nowhere.
            continue;
        }
        if let Weather::Slow(wait) = weather {
            tokio::time::sleep(wait).await;
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

/// The peer gets a reset when the socket goes.
fn reset(socket: &TcpStream) {
    let _ = socket.set_zero_linger();
}
