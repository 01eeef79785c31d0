//! What each tool finds around it: variables, settings, and options before its command.
//!
//! All tools speak English, ask nobody, and run nothing that a repository names. Commands of the transport kind also see what
//! [`Operator`](super::Operator) allows, and go through the gate, with the transports of their [`Access`]; commands of the
//! content kind see an empty home and may use none.
//!
//! Secrets reach tools by the environment, by standard input, or in a private file, never by arguments, which everybody on
//! the machine can read.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Access, Command, Inner, Reach, Sent};
use crate::gate::{Target, USER};
use crate::place::escaped;
use crate::{Place, System};

/// Settings of git for all commands. `safe.directory`: mirrors are ours, whoever the operator made their owner.
const GIT: [(&str, &str); 13] = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.askPass", ""),
    ("credential.interactive", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("log.showSignature", "false"),
    ("safe.directory", "*"),
    ("init.templateDir", ""),
    ("advice.detachedHead", "false"),
];

/// Options of ssh: nobody is asked, nothing of ours is forwarded, an unknown host is none, nothing stays behind.
const SSH: &str = "-a -x -T -o BatchMode=yes -o StrictHostKeyChecking=yes -o ControlMaster=no -o ControlPath=none \
                   -o ClearAllForwardings=yes -o PermitLocalCommand=no";

/// Where Mercurial looks for configuration by itself; naming one more file means naming these too (`hg help environment`).
const HGRC: &str = "/etc/mercurial/hgrc:/etc/mercurial/hgrc.d";

/// Puts a command into its surroundings.
pub(super) fn surround(mut command: Command, inner: &Inner, reach: &Reach<'_>) -> io::Result<Command> {
    let before: &[&str] = match command.system {
        System::Git | System::Fossil => &[],
        System::Hg => &["--noninteractive"],
        System::Svn => &["--non-interactive", "--no-auth-cache"],
    };
    command.args.extend(before.iter().map(Into::into));
    let command = command
        .env("PATH", inner.tools.search_path())
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .env("TMPDIR", &inner.scratch)
        // Fossil wants one.
        .env("USER", USER)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GCM_INTERACTIVE", "never")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_PAGER", "cat")
        .env("HGPLAIN", "1");
    let command = GIT.iter().fold(command, |command, (key, value)| command.config(*key, *value));
    match reach {
        Reach::Content => {
            let mut command = content(command, &inner.home);
            if command.system == System::Fossil {
                // It writes there, whatever it does.
                let dir = private(&mut command, inner, &[])?;
                command = command.env("FOSSIL_HOME", dir);
            }
            Ok(command)
        }
        Reach::Network(place, access) => transport(command, inner, place, access),
    }
}

fn content(command: Command, home: &Path) -> Command {
    command
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_ALLOW_PROTOCOL", "")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("HGRCPATH", "")
        .config("core.attributesFile", "/dev/null")
}

fn transport(command: Command, inner: &Inner, place: &Place, access: &Access) -> io::Result<Command> {
    // Without a home of the operator's, none: a tool would look one up by the user.
    let command = command.env("HOME", &inner.home);
    let operator = inner.environment.variables();
    let command = operator.iter().fold(command, |command, (name, value)| command.env(name, value));
    let Some(pass) = &command.report.pass else { return Ok(command) };
    let (url, port, secret) = (pass.url(), pass.port(), pass.secret().to_owned());
    let mut command = command
        .hide(&secret)
        // Read by Mercurial and Fossil; git's own setting is below, Subversion's in its file.
        .env("http_proxy", &url)
        .env("https_proxy", &url)
        .env(GATE, &url)
        .env("GIT_PROTOCOL_FROM_USER", "0")
        .config("http.proxy", &url)
        // Said at once, without asking first what the proxy would like.
        .config("http.proxyAuthMethod", "basic");
    let helper = inner.gate.helper();
    // These transports know no proxies, and go through the helper, or not at all.
    let is_led = |scheme: &&String| helper.is_some() || !(scheme.contains("ssh") || *scheme == "git");
    let own = inner.environment.value("GIT_ALLOW_PROTOCOL").map(|own| own.to_string_lossy());
    let is_wanted =
        |scheme: &&str| own.as_ref().is_none_or(|own| own.split(':').any(|allowed| allowed == *scheme));
    let schemes = access.schemes.iter().filter(is_led).map(String::as_str);
    let schemes: Vec<&str> = schemes.filter(is_wanted).collect();
    // Outranks every `protocol.*` setting. Where nothing is allowed the list is empty, which allows nothing.
    command = command.env("GIT_ALLOW_PROTOCOL", schemes.join(":"));
    if let (Some(helper), Some(through)) = (helper, &inner.through) {
        command = ssh(command, inner, access, helper).env("GIT_PROXY_COMMAND", through);
    }
    let files = Files { port, secret: &secret, place, access };
    match command.system {
        System::Git => Ok(git(command, place, access)),
        System::Hg => hg(command, inner, &files),
        System::Svn => svn(command, inner, &files),
        System::Fossil => fossil(command, inner, &files),
    }
}

/// The variable in which the gate's helper finds [`Pass::url`](crate::gate::Pass::url).
pub const GATE: &str = "LARDER_GATE";

fn git(command: Command, place: &Place, access: &Access) -> Command {
    let mut command = command.env("GIT_SSH_VARIANT", "ssh");
    // The other tools' TLS libraries read these; git's, as Debian builds it, does not. As settings they are weaker than those
    // for a URL.
    for (variable, key) in [("SSL_CERT_FILE", "http.sslCAInfo"), ("SSL_CERT_DIR", "http.sslCAPath")] {
        let value = command.env.get(OsStr::new(variable)).and_then(|value| value.to_str()).map(str::to_owned);
        command = value.into_iter().fold(command, |command, value| command.config(key, value));
    }
    let command = if access.is_insecure { command.config("http.sslVerify", "false") } else { command };
    let header = match &access.credential {
        Some(Sent::Header { name, value }) => format!("{name}: {}", value.reveal()),
        Some(Sent::Basic { user, password }) => {
            format!("Authorization: Basic {}", STANDARD.encode(format!("{user}:{}", password.reveal())))
        }
        _ => return command,
    };
    let secret = header.rsplit(' ').next().unwrap_or_default().to_owned();
    let origin = format!("{}://{}", place.scheme(), place.host());
    command.hide(secret).config(format!("http.{origin}.extraHeader"), header)
}

/// What private files of configuration are made of.
struct Files<'a> {
    port: u16,
    secret: &'a str,
    place: &'a Place,
    access: &'a Access,
}

fn hg(mut command: Command, inner: &Inner, files: &Files<'_>) -> io::Result<Command> {
    let mut text = "[http_proxy]\nalways = true\n[ui]\n".to_owned();
    if let Some(call) = command.env.get(OsStr::new("GIT_SSH_COMMAND")) {
        text.extend(["ssh = ", &call.to_string_lossy(), "\n"]);
    }
    if let Some(Sent::Basic { user, password }) = &files.access.credential {
        let prefix = files.place.url();
        let lines =
            ["prefix = ", prefix, "\nlarder.username = ", user, "\nlarder.password = ", password.reveal()];
        text.push_str("[auth]\nlarder.");
        text.extend(lines);
        text.push('\n');
        command = command.hide(password.reveal());
    }
    // Where the operator has no configuration of Mercurial, that of Debian names the system's certificates.
    let has_own = inner.environment.value("HGRCPATH").is_some();
    if let Some(file) = inner.environment.value("SSL_CERT_FILE").filter(|_| !has_own) {
        text.extend(["[web]\ncacerts = ", &file.to_string_lossy(), "\n"]);
    }
    let file = private(&mut command, inner, &[("hgrc", text)])?.join("hgrc");
    let own = inner.environment.value("HGRCPATH").map(|own| own.to_string_lossy().into_owned());
    let own = own.unwrap_or_else(|| match inner.environment.value("HOME") {
        Some(home) => format!("{HGRC}:{0}/.hgrc:{0}/.config/hg/hgrc", home.to_string_lossy()),
        None => HGRC.to_owned(),
    });
    Ok(command.env("HGRCPATH", format!("{own}:{}", file.display())))
}

/// The scheme by which `svn://` is led through the gate: a tunnel of that name.
pub(crate) const TUNNEL: &str = "svn+larder";

fn svn(mut command: Command, inner: &Inner, files: &Files<'_>) -> io::Result<Command> {
    let Files { port, secret, place, access } = files;
    let mut servers = format!(
        "[global]\nhttp-proxy-host = 127.0.0.1\nhttp-proxy-port = {port}\nhttp-proxy-username = {USER}\n\
         http-proxy-password = {secret}\nhttp-proxy-exceptions =\nstore-passwords = no\n"
    );
    if let Some(file) = command.env.get(OsStr::new("SSL_CERT_FILE")) {
        servers.extend(["ssl-trust-default-ca = yes\nssl-authority-files = ", &file.to_string_lossy(), "\n"]);
    }
    if let Some(Sent::Basic { user, password }) = &access.credential {
        servers.extend(["username = ", user, "\n"]);
        command.args.push("--password-from-stdin".into());
        command.input = format!("{}\n", password.reveal()).into_bytes();
        command = command.hide(password.reveal());
    }
    let mut config = "[auth]\npassword-stores =\n".to_owned();
    if let (Some(through), Some(Target { host, port })) = (&inner.through, Target::of(place)) {
        let (_, tunnel) = TUNNEL.split_once('+').unwrap_or_default();
        let (through, port) = (through.to_string_lossy(), port.to_string());
        config.extend(["[tunnels]\n", tunnel, " = \"", &through, "\" ", &host, " ", &port, "\n"]);
    }
    let mut written = vec![("servers", servers), ("config", config)];
    let call = command.env.get(OsStr::new("GIT_SSH_COMMAND")).map(|call| call.to_string_lossy().into_owned());
    if let Some(call) = &call {
        // A port in the URL would be taken for a part of the host's name.
        let port = place.port().map(|port| format!(" -p {port}")).unwrap_or_default();
        written.push(("ssh", format!("exec {call}{port} \"$@\"\n")));
    }
    let dir = private(&mut command, inner, &written)?;
    if call.is_some() {
        // svn takes words apart otherwise than a shell.
        command = command.env("SVN_SSH", format!("sh \"{}\"", dir.join("ssh").display()));
    }
    command.args.extend(["--config-dir".into(), dir.into_os_string()]);
    if access.is_insecure {
        let faults = "unknown-ca,cn-mismatch,expired,not-yet-valid,other";
        command.args.push(format!("--trust-server-cert-failures={faults}").into());
    }
    Ok(command)
}

/// fossil is told a user by its URL, and both for the server in front of it by an option; arguments of a file count as such.
fn fossil(mut command: Command, inner: &Inner, files: &Files<'_>) -> io::Result<Command> {
    let Files { place, access, .. } = files;
    let mut text = String::new();
    let mut url = place.url().to_owned();
    if access.is_insecure {
        text.push_str("--accept-any-cert\n");
    }
    if let Some(Sent::Basic { user, password }) = &access.credential {
        let login = format!("{}:{}", escaped(user, b""), escaped(password.reveal(), b""));
        text.extend(["--httpauth\n", user, ":", password.reveal(), "\n"]);
        url = url.replacen("://", &format!("://{login}@"), 1);
        command = command.hide(password.reveal()).hide(escaped(password.reveal(), b""));
    }
    text.extend([&url, "\n"]);
    let dir = private(&mut command, inner, &[("args", text)])?;
    command.address = vec!["--args".into(), dir.join("args").into_os_string()];
    Ok(command.env("FOSSIL_HOME", dir))
}

/// Writes files for this command alone, which are removed with it. Where they are.
fn private(command: &mut Command, inner: &Inner, files: &[(&str, String)]) -> io::Result<PathBuf> {
    let dir = tempfile::tempdir_in(&inner.scratch)?;
    for (name, text) in files {
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(dir.path().join(name))?;
        file.write_all(text.as_bytes())?;
    }
    let path = dir.path().to_owned();
    command.report.private = Some(dir);
    Ok(path)
}

/// How ssh is called by git, hg and svn: the operator's way to call it, and then what may not be otherwise.
fn ssh(command: Command, inner: &Inner, access: &Access, helper: &Helper) -> Command {
    let own = inner.environment.value("GIT_SSH_COMMAND").and_then(OsStr::to_str);
    let through = format!("ProxyCommand={} %h %p", shell_words(helper).replace('%', "%%"));
    let mut call =
        vec![own.unwrap_or("ssh").to_owned(), SSH.to_owned(), format!("-o {}", quoted(through.as_ref()))];
    if let Some(Sent::Key { file, known_hosts }) = &access.credential {
        call.push("-o IdentitiesOnly=yes".to_owned());
        let mut options = vec![named("IdentityFile", file)];
        if let Some(known) = known_hosts {
            // These alone, and not those that the machine knows too.
            options.extend([named("UserKnownHostsFile", known), "GlobalKnownHostsFile=/dev/null".to_owned()]);
        }
        call.extend(options.iter().map(|option| format!("-o {}", quoted(option.as_ref()))));
    }
    command.env("GIT_SSH_COMMAND", call.join(" "))
}

/// An option of ssh that names a file: words end at spaces, and `%` begins something else.
fn named(option: &str, file: &Path) -> String {
    format!("{option}=\"{}\"", file.to_string_lossy().replace('%', "%%"))
}

type Helper = (PathBuf, Vec<std::ffi::OsString>);

/// A program with its arguments, as words of a POSIX shell.
pub(super) fn shell_words((program, args): &Helper) -> String {
    let words = std::iter::once(program.as_os_str()).chain(args.iter().map(AsRef::as_ref));
    words.map(|word| quoted(Path::new(word))).collect::<Vec<_>>().join(" ")
}

/// A path as a word of a POSIX shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}
