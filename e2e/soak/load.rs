//! Who asks: clients of HTTP/1.1 and HTTP/2 at a bounded rate, slow readers, leavers, and the go command.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use testkit::go::{self, Go};
use testkit::raw::{Response, h2c};
use testkit::{Dice, RawClient};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use crate::findings::{Reach, Span};
use crate::world::{Asked, Manner, NEGATIVE, Want, World, timed};

const HTTP1_CLIENTS: u64 = 6;
const HTTP2_CLIENTS: u64 = 3;
const SLOW_READERS: u64 = 2;
const LEAVERS: u64 = 1;
/// The newest versions, which are hardly held yet.
const NEWEST: usize = 40;
/// Between two versions that are published.
const PUBLISH_EVERY: Duration = Duration::from_millis(330);
/// Between two runs of the go command.
const GO_EVERY: Duration = Duration::from_secs(25);
/// Bytes that a slow reader takes at a time, and how long it rests then.
const SIP_BYTES: usize = 32 * 1024;
const SIP_REST: Duration = Duration::from_millis(40);
/// A client that got no connection tries again after this.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Everyone, each a task that ends when the world stops.
pub(crate) fn start(world: &Arc<World>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for seed in 0..HTTP1_CLIENTS {
        tasks.spawn(http1(world.clone(), Dice::new(1000 + seed)));
    }
    for seed in 0..HTTP2_CLIENTS {
        tasks.spawn(http2(world.clone(), Dice::new(2000 + seed)));
    }
    for seed in 0..SLOW_READERS {
        tasks.spawn(slow_reader(world.clone(), Dice::new(3000 + seed)));
    }
    for seed in 0..LEAVERS {
        tasks.spawn(leaver(world.clone(), Dice::new(4000 + seed)));
    }
    tasks.spawn(publisher(world.clone(), Dice::new(5000)));
    if go::available() {
        tasks.spawn(go_commands(world.clone(), Dice::new(6000)));
    }
    tasks
}

/// Whether to go on after a pause of about this long.
async fn rest(world: &World, dice: &mut Dice, about_ms: usize) -> bool {
    let pause = Duration::from_millis((about_ms / 2 + dice.below(about_ms)) as u64);
    tokio::select! {
        () = world.stop.cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}

fn kind(dice: &mut Dice) -> &'static str {
    ["info", "mod", "zip"][dice.below(3)]
}

/// Something to ask for: mostly files, a third of them new.
fn want(world: &World, dice: &mut Dice) -> Want {
    match dice.below(100) {
        0..45 => {
            let all = world.catalogue.count();
            Want::File(world.catalogue.version(dice, all), kind(dice))
        }
        45..75 => Want::File(world.catalogue.version(dice, NEWEST), kind(dice)),
        75..84 => Want::List(world.catalogue.module(dice)),
        84..92 => Want::Latest(world.catalogue.module(dice)),
        _ => absent(world, dice),
    }
}

fn absent(world: &World, dice: &mut Dice) -> Want {
    let number = dice.below(1_000_000);
    Want::Absent(match dice.below(4) {
        0 => format!("/example.com/nobody/n{number}/@v/list"),
        1 => format!("/example.com/nobody/n{number}/@latest"),
        2 => format!("/routed.example/nobody/n{number}/@v/v1.0.0.zip"),
        _ => format!("/{}/@v/v9.0.{number}.info", testkit::module::escape(&world.catalogue.module(dice))),
    })
}

fn manner(want: &Want, dice: &mut Dice) -> Manner {
    let Want::File(version, kind) = want else { return Manner::Get };
    let size = version.bytes(kind).len();
    match dice.below(10) {
        0 => Manner::Head,
        1 if size > 2 => {
            let first = dice.below(size - 1);
            Manner::Range(first, first + dice.below(size - first))
        }
        _ => Manner::Get,
    }
}

fn ask(world: &World, want: Want, manner: Manner, by: &'static str) -> Asked {
    let was_held = world.is_held(&want);
    Asked { want, manner, was_held, by }
}

fn head_of(asked: &Asked, address: SocketAddr, close: bool) -> String {
    let (path, close) = (asked.want.path(), if close { "Connection: close\r\n" } else { "" });
    let (method, field) = match &asked.manner {
        Manner::Get => ("GET", String::new()),
        Manner::Head => ("HEAD", String::new()),
        Manner::Range(first, last) => ("GET", format!("Range: bytes={first}-{last}\r\n")),
        Manner::UnlessTagged(etag) => ("GET", format!("If-None-Match: {etag}\r\n")),
    };
    format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n{close}{field}\r\n")
}

/// A client that keeps its connection for as long as it can.
async fn http1(world: Arc<World>, mut dice: Dice) {
    let mut kept: Option<RawClient> = None;
    while rest(&world, &mut dice, 40).await {
        let address = world.address();
        if kept.is_none() {
            let (span, client) = timed(RawClient::try_connect(address)).await;
            match client {
                Ok(client) => kept = Some(client),
                Err(error) => {
                    refused(&world, span, &error.to_string());
                    tokio::time::sleep(AGAIN_AFTER).await;
                    continue;
                }
            }
        }
        let want = want(&world, &mut dice);
        let manner = manner(&want, &mut dice);
        let Some(client) = &mut kept else { continue };
        let response = exchange(&world, client, ask(&world, want.clone(), manner, "HTTP/1.1")).await;
        let is_file = matches!(want, Want::File(..));
        let etag = response.as_ref().and_then(|response| response.header("etag").map(str::to_owned));
        let etag = etag.filter(|_| is_file);
        let goes_on = response.is_some_and(|response| {
            response.complete && response.header("connection").is_none_or(|field| field != "close")
        });
        if let (true, Some(etag), 0) = (goes_on, etag, dice.below(8)) {
            let again = ask(&world, want, Manner::UnlessTagged(etag), "HTTP/1.1");
            let answered = exchange(&world, client, again).await;
            kept = kept.filter(|_| answered.is_some_and(|response| response.complete));
        } else if !goes_on {
            kept = None;
        }
    }
}

async fn exchange(world: &World, client: &mut RawClient, asked: Asked) -> Option<Response> {
    let head = head_of(&asked, world.address(), false);
    let has_body = asked.manner != Manner::Head;
    let (span, response) = timed(client.exchange(head.as_bytes(), has_body)).await;
    world.judge(&asked, span, response.as_ref());
    response
}

fn refused(world: &World, span: Span, error: &str) {
    world.findings.failed(span, &[Reach::Everything], || format!("no connection: {error}"));
}

/// A client with several questions at a time on one connection.
async fn http2(world: Arc<World>, mut dice: Dice) {
    let mut kept: Option<h2c::Client> = None;
    while rest(&world, &mut dice, 150).await {
        if kept.is_none() {
            let (span, client) = timed(h2c::Client::connect(world.address())).await;
            if client.is_none() {
                refused(&world, span, "HTTP/2");
                tokio::time::sleep(AGAIN_AFTER).await;
                continue;
            }
            kept = client;
        }
        let Some(client) = &kept else { continue };
        let questions = (0..4).map(|_| ask(&world, want(&world, &mut dice), Manner::Get, "HTTP/2"));
        let questions: Vec<Asked> = questions.collect();
        let answers = questions.iter().map(|asked| {
            let world = &world;
            async move {
                let (span, response) = timed(client.get(&asked.want.path())).await;
                world.judge(asked, span, response.as_ref());
                response.is_some_and(|response| response.complete)
            }
        });
        if futures_util::future::join_all(answers).await.contains(&false) {
            kept = None;
        }
    }
}

/// A client behind a narrow line: takes a little at a time, of zips.
async fn slow_reader(world: Arc<World>, mut dice: Dice) {
    while rest(&world, &mut dice, 500).await {
        let version = world.catalogue.version(&mut dice, NEWEST);
        let asked = ask(&world, Want::File(version, "zip"), Manner::Get, "slow HTTP/1.1");
        let (span, response) = timed(sip(&asked, world.address())).await;
        world.judge(&asked, span, response.as_ref());
        if response.is_none() {
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

async fn sip(asked: &Asked, address: SocketAddr) -> Option<Response> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.set_recv_buffer_size(16 * 1024).ok()?;
    let mut stream = socket.connect(address).await.ok()?;
    stream.write_all(head_of(asked, address, true).as_bytes()).await.ok()?;
    let (mut answer, mut sip) = (Vec::new(), vec![0; SIP_BYTES]);
    loop {
        match stream.read(&mut sip).await {
            Ok(0) | Err(_) => return Response::parse(&answer),
            Ok(size) => answer.extend_from_slice(&sip[..size]),
        }
        tokio::time::sleep(SIP_REST).await;
    }
}

/// A client that asks for what is not there yet and goes away.
async fn leaver(world: Arc<World>, mut dice: Dice) {
    while rest(&world, &mut dice, 400).await {
        let version = world.catalogue.version(&mut dice, NEWEST / 4);
        let asked = ask(&world, Want::File(version, "zip"), Manner::Get, "leaver");
        let head = head_of(&asked, world.address(), false);
        let Ok(mut client) = RawClient::try_connect(world.address()).await else { continue };
        let leaving = client.exchange(head.as_bytes(), true);
        let patience = Duration::from_micros(dice.below(3000) as u64);
        if tokio::time::timeout(patience, leaving).await.is_err() {
            world.findings.count("left", 1);
        }
    }
}

/// Publishes new versions all the time; some of them are asked for before they exist.
async fn publisher(world: Arc<World>, mut dice: Dice) {
    let mut next = Instant::now();
    loop {
        next += PUBLISH_EVERY;
        tokio::select! {
            () = world.stop.cancelled() => return,
            () = tokio::time::sleep_until(next.into()) => {}
        }
        let new = world.catalogue.next(&mut dice);
        let mut after = Duration::ZERO;
        if new.is_early {
            let path = format!("/{}/@v/v1.0.0.info", testkit::module::escape(&new.module));
            let asked = ask(&world, Want::Absent(path), Manner::Get, "early HTTP/1.1");
            let (span, response) = timed(sip(&asked, world.address())).await;
            world.judge(&asked, span, response.as_ref());
            after = NEGATIVE + Duration::from_secs(1);
        }
        world.catalogue.publish(&new.module, new.size, after);
    }
}

/// The real go command with an empty cache, now and then.
async fn go_commands(world: Arc<World>, mut dice: Dice) {
    let mut next = Instant::now();
    loop {
        next += GO_EVERY;
        tokio::select! {
            () = world.stop.cancelled() => return,
            () = tokio::time::sleep_until(next.into()) => {}
        }
        let dir = tempfile::tempdir().unwrap();
        let all = world.catalogue.count();
        let versions: Vec<_> = (0..3).map(|_| world.catalogue.version(&mut dice, all)).collect();
        let names = versions.iter().map(|one| format!("{}@{}", one.files.path(), one.files.version()));
        let names: Vec<String> = names.collect();
        let arguments = ["mod", "download", "-json"].into_iter().chain(names.iter().map(String::as_str));
        let arguments: Vec<&str> = arguments.collect();
        let go = Go::new(dir.path()).proxy(format!("http://{}", world.address()));
        let (span, output) = timed(go.run(&arguments)).await;
        world.findings.count("go commands", 1);
        if !output.ok {
            let said = format!("{}{}", output.stdout, output.stderr);
            world
                .findings
                .failed(span, &[Reach::Everything, Reach::Misses], || format!("go {names:?}: {said}"));
        } else if let Some(one) = versions.iter().find(|one| !output.stdout.contains(&one.files.zip_h1())) {
            world
                .findings
                .found(span, || format!("go got another hash for {}: {}", one.files.path(), output.stdout));
        }
    }
}
