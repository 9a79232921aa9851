//! What the relay costs a datagram, and how long it keeps one.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;

use vestibule_common::control::{Ask, Entered, Streams};
use vestibule_common::id::StreamId;
use vestibule_common::seal::Suite;

use super::figures::{median, percentile, print};
use super::load::{self, Endpoint, Look, Outcome};
use super::process::cpu_ns;
use crate::client::{Client, streams_of};
use crate::programs::{Process, program};
use crate::relay::RunningRelay;

/// What to run.
pub struct Options {
    /// Where traces go.
    pub out: PathBuf,
    /// How long a run is.
    pub span: Duration,
    /// How many runs.
    pub runs: usize,
}

/// So many of a room's members are heard by all others.
const SPEAKERS: usize = 3;
/// How long everything runs before it is measured.
const WARM: Duration = Duration::from_secs(3);
/// More than this lost, and a run says nothing.
const MOST_LOSS: f64 = 0.001;

/// Runs it and prints its figures.
///
/// Errors: what did not happen.
pub fn run(options: &Options) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let mut trace = File::create(options.out.join("runs.txt")).map_err(|error| error.to_string())?;
    let mut bench = Bench { options, trace: &mut trace };

    // What both ends agree on when each offers everything.
    println!("# suite {:?}", Suite::preferred()[0]);
    let mut fanout = runtime.block_on(Meeting::start(1, 31, 1));
    let mut rooms = runtime.block_on(Meeting::start(10, 10, 10));
    let (mut one, mut ten, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.runs {
        runtime.block_on(fanout.keep());
        one.push(bench.relay("fanout", &mut fanout, Look::Often)?);
        bare.push(bench.sendto(30)?);
        runtime.block_on(rooms.keep());
        ten.push(bench.relay("rooms", &mut rooms, Look::Often)?);
    }
    drop((fanout, rooms));
    bench.rate("fanout_packets_per_cpu_s", &one);
    bench.rate("rooms_packets_per_cpu_s", &ten);
    bench.rate("sendto_packets_per_cpu_s", &bare);
    let rate = |runs: &[Run]| median(&runs.iter().map(Run::per_cpu_s).collect::<Vec<_>>());
    print("fanout_ratio", rate(&one) / rate(&bare));
    print("rooms_ratio", rate(&ten) / rate(&bare));

    let mut worst = [f64::NEG_INFINITY; 2];
    // A sender makes 220 datagrams a second, each for thirty others.
    for (name, senders) in [("50k", 8), ("100k", 15)] {
        let mut meeting = runtime.block_on(Meeting::start(1, 31, senders));
        let mut added = [Vec::new(), Vec::new()];
        let mut losses = Vec::new();
        for _ in 0..options.runs {
            runtime.block_on(meeting.keep());
            let ours = bench.relay(&format!("delay_{name}"), &mut meeting, Look::Woken)?;
            let bare = bench.forward(&format!("bare_delay_{name}"), 31, senders)?;
            for (place, percent) in [50.0, 99.0].into_iter().enumerate() {
                let of = |run: &Run| percentile(&run.outcome.delays_us, percent);
                added[place].push(of(&ours) - of(&bare));
            }
            losses.push(ours.outcome.loss().max(bare.outcome.loss()));
        }
        for (place, key) in ["p50", "p99"].into_iter().enumerate() {
            let value = median(&added[place]);
            print(&format!("added_delay_{key}_us_at_{name}"), value);
            worst[place] = worst[place].max(value);
        }
        print(&format!("delay_loss_percent_at_{name}"), median(&losses) * 100.0);
    }
    print("added_delay_p50_us", worst[0]);
    print("added_delay_p99_us", worst[1]);
    Ok(())
}

/// One run.
struct Run {
    outcome: Outcome,
    cpu_s: f64,
}

impl Run {
    fn per_cpu_s(&self) -> f64 {
        self.outcome.received as f64 / self.cpu_s
    }
}

struct Bench<'a> {
    options: &'a Options,
    trace: &'a mut File,
}

impl Bench<'_> {
    fn rate(&self, key: &str, runs: &[Run]) {
        print(key, median(&runs.iter().map(Run::per_cpu_s).collect::<Vec<_>>()));
        let invalid = runs.iter().filter(|run| run.outcome.loss() > MOST_LOSS).count();
        if invalid > 0 {
            println!(
                "# {key}: {invalid} of {} runs lost more than 0.1 %; the machine was too busy",
                runs.len()
            );
        }
    }

    fn note(&mut self, name: &str, run: &Run) -> Result<(), String> {
        let Run { outcome, cpu_s } = run;
        let line = format!(
            "{name} expected {} received {} refused {} cpu_s {cpu_s:.6} delay_us_p50 {:.1} p99 {:.1}",
            outcome.expected,
            outcome.received,
            outcome.refused,
            percentile(&outcome.delays_us, 50.0),
            percentile(&outcome.delays_us, 99.0),
        );
        writeln!(self.trace, "{line}").map_err(|error| error.to_string())?;
        let events: String = outcome.delays_us.iter().map(|us| format!("{us:.1}\n")).collect();
        let path = self.options.out.join(format!("{name}.delays_us.txt"));
        let file = File::options().create(true).append(true).open(path);
        file.and_then(|mut file| file.write_all(events.as_bytes())).map_err(|error| error.to_string())?;
        if outcome.refused > 0 {
            return Err(format!("{name}: {} datagrams did not open", outcome.refused));
        }
        Ok(())
    }

    fn measured(
        &mut self,
        name: &str,
        process: u32,
        endpoints: &mut [Endpoint],
        look: Look,
    ) -> Result<Run, String> {
        let mut used = Vec::new();
        let outcome = load::run(endpoints, self.options.span, look, || used.push(cpu_ns(process)));
        let outcome = outcome.map_err(|error| format!("{name}: {error}"))?;
        let [before, after] = used.try_into().map_err(|_| "two looks at the processor time")?;
        let run = Run { outcome, cpu_s: (after? - before?) as f64 / 1e9 };
        self.note(name, &run)?;
        Ok(run)
    }

    fn relay(&mut self, name: &str, meeting: &mut Meeting, look: Look) -> Result<Run, String> {
        // Until the relay knows again what each way carries.
        let warm = load::run(&mut meeting.endpoints, WARM, look, || ());
        warm.map_err(|error| format!("{name}: {error}"))?;
        let process = meeting.relay.process();
        self.measured(name, process, &mut meeting.endpoints, look)
    }

    /// The bare forwarder with as many members and senders.
    fn forward(&mut self, name: &str, members: usize, senders: usize) -> Result<Run, String> {
        let mut endpoints = plain(members)?;
        let (process, mut says) = beside(&self.options.out, "bare-forward", &[], &endpoints)?;
        let to = line(&mut says)?.parse::<SocketAddr>().map_err(|error| error.to_string())?;
        for endpoint in &mut endpoints {
            endpoint.to = to;
        }
        for (endpoint, n) in endpoints.iter_mut().zip(0..).take(senders) {
            endpoint.sends = Some(streams(n));
            endpoint.receivers = members as u64 - 1;
        }
        self.measured(name, process.id(), &mut endpoints, Look::Woken)
    }

    /// The bare loop to as many receivers.
    fn sendto(&mut self, receivers: usize) -> Result<Run, String> {
        let mut endpoints = plain(receivers)?;
        let span = self.options.span.as_secs_f64().to_string();
        let (process, mut says) = beside(&self.options.out, "bare-send", &[&span], &endpoints)?;
        // The endpoints only receive; the loop sends.
        let outcome = load::run_receivers(&mut endpoints, || line(&mut says));
        let (mut outcome, sent) = outcome.map_err(|error| error.to_string())?;
        outcome.expected = sent?.parse().map_err(|_| "a number of datagrams")?;
        outcome.delays_us.clear();
        let run = Run { outcome, cpu_s: cpu_ns(process.id())? as f64 / 1e9 };
        self.note("sendto", &run)?;
        Ok(run)
    }
}

/// Streams of a member that no relay knows.
fn streams(member: u32) -> Streams {
    let [audio, video, presentation, file] = [1, 2, 3, 4].map(|n| StreamId(member * 4 + n));
    Streams { audio, video, presentation, file }
}

fn plain(count: usize) -> Result<Vec<Endpoint>, String> {
    let one = |_| {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
        socket.set_nonblocking(true).map_err(|error| error.to_string())?;
        let to = socket.local_addr().map_err(|error| error.to_string())?;
        Ok(Endpoint {
            socket,
            keys: None,
            arrivals: Default::default(),
            sends: None,
            speaks: false,
            to,
            receivers: 0,
        })
    };
    (0..count).map(one).collect()
}

/// Starts this program as something to compare with.
fn beside(
    out: &Path,
    what: &str,
    arguments: &[&str],
    endpoints: &[Endpoint],
) -> Result<(Process, BufReader<ChildStdout>), String> {
    let mut command = Command::new(std::env::current_exe().map_err(|error| error.to_string())?);
    command.arg(what).args(arguments).stdout(Stdio::piped());
    for endpoint in endpoints {
        command.arg(endpoint.socket.local_addr().map_err(|error| error.to_string())?.to_string());
    }
    let mut process =
        Process::start(command, &out.join(format!("{what}.log"))).map_err(|error| error.to_string())?;
    let stdout = process.stdout().ok_or("no standard output")?;
    Ok((process, BufReader::new(stdout)))
}

fn line(says: &mut BufReader<ChildStdout>) -> Result<String, String> {
    let mut line = String::new();
    says.read_line(&mut line).map_err(|error| error.to_string())?;
    Ok(line.trim().to_owned())
}

/// A relay and everyone in its meetings.
struct Meeting {
    relay: RunningRelay,
    clients: Vec<Client>,
    endpoints: Vec<Endpoint>,
}

impl Meeting {
    /// `rooms` meetings of `members`, of whom `senders` send.
    async fn start(rooms: usize, members: usize, senders: usize) -> Meeting {
        let flags = ["--rooms-members-per-room", "31", "--rooms-idle-timeout-s", "60", "--log-level", "warn"];
        let relay = RunningRelay::start(&program("vestibule-relay"), &flags);
        let (mut clients, mut endpoints) = (Vec::new(), Vec::new());
        // The relay's own key comes from 0x5e, and it enters no meeting.
        let mut seeds = (1_u8..=u8::MAX).filter(|seed| *seed != 0x5e);
        for _ in 0..rooms {
            let mut host: Option<(Client, Entered)> = None;
            for member in 0..members {
                let seed = seeds.next().expect("fewer than 255 clients");
                let mut client = Client::greeted(&relay, seed, &format!("Room {seed}")).await;
                let entered = match &mut host {
                    None => client.create().await,
                    Some((host, meeting)) => client.join(host, meeting).await,
                };
                let sends = (member < senders).then(|| streams_of(&entered, client.identity.peer()));
                let mut media = client.media(&relay).await;
                media.show_address().await;
                let (socket, sealer, opener) = media.into_parts();
                let socket = socket.into_std().expect("the socket leaves the runtime");
                let (keys, receivers) = (Some((sealer, opener)), members as u64 - 1);
                let speaks = member < SPEAKERS;
                let arrivals = Default::default();
                endpoints.push(Endpoint {
                    socket,
                    keys,
                    arrivals,
                    sends,
                    speaks,
                    to: relay.media,
                    receivers,
                });
                match host {
                    None => host = Some((client, entered)),
                    Some(_) => clients.push(client),
                }
            }
            clients.extend(host.map(|(host, _)| host));
        }
        Meeting { relay, clients, endpoints }
    }

    /// Says something on every connection, or the relay would close it.
    async fn keep(&mut self) {
        for client in &mut self.clients {
            client.ask(Ask::Time { sent_us: 0 }).await;
        }
    }
}
