//! Over ssh, with a key that only the server has, and host keys that are pinned.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use futures_util::future::join_all;
use testkit::go;
use testkit::raw::Response;

use crate::company::repositories::LIB;
use crate::company::{Company, agree};
use crate::larder::Larder;

const SSHD: &str = "/usr/sbin/sshd";

/// A server of ssh, which lets in one key, and to git's part for reading only. Dropped, it is gone.
struct Server {
    process: Child,
    port: u16,
    dir: PathBuf,
    user: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    async fn start(dir: &Path) -> Self {
        fs::create_dir_all(dir).unwrap();
        for key in ["host", "other-host", "user", "other-user"] {
            run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", dir.join(key).to_str().unwrap()]);
        }
        let user = said("id", &["-un"]);
        if user == "root" {
            // Where a server that root starts leaves its rights behind (sshd(8)); made at each boot.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let key = fs::read_to_string(dir.join("user.pub")).unwrap();
        // The repository's path is said in quotes, which only a shell takes away.
        let allowed = "command=\"eval git-upload-pack ${SSH_ORIGINAL_COMMAND#* }\",restrict";
        fs::write(dir.join("authorized"), format!("{allowed} {key}")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let below = dir.display();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {below}/host\nAuthorizedKeysFile {below}/authorized\n\
             StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin forced-commands-only\n\
             PasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nAcceptEnv GIT_PROTOCOL\n"
        );
        fs::write(dir.join("config"), config).unwrap();
        let log = fs::File::create(dir.join("log")).unwrap();
        let mut command = Command::new(SSHD);
        let command = command.args(["-D", "-e", "-f"]).arg(dir.join("config"));
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let server = Self { process, port, dir: dir.to_owned(), user };
        testkit::eventually("the server of ssh listens", async || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        })
        .await;
        server
    }

    fn file(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// Writes which key the host has; gives the file.
    fn pins(&self, key: &str) -> String {
        let key = fs::read_to_string(self.file(key) + ".pub").unwrap();
        fs::write(self.dir.join("known_hosts"), format!("[127.0.0.1]:{} {key}", self.port)).unwrap();
        self.file("known_hosts")
    }

    /// The URL of a repository.
    fn url(&self, repository: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", self.user, self.port, repository.display())
    }

    /// The setting of a key for it.
    fn credential(&self, key: &str) -> String {
        format!(
            "credential=ssh://{}@127.0.0.1:{} name=deploy-key ssh_key={} known_hosts={}",
            self.user,
            self.port,
            self.file(key),
            self.file("known_hosts")
        )
    }
}

fn run(program: &str, args: &[&str]) {
    assert!(Command::new(program).args(args).status().unwrap().success(), "{program} {args:?}");
}

fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A company whose repository is reached over ssh.
async fn with_a_server() -> (Company, Server) {
    let company = Company::start().await;
    company.repository("Team/lib", LIB);
    let server = Server::start(&company.file("ssh")).await;
    let url = server.url(&company.file("repositories/git/Team/lib"));
    company.host.page("/Team/lib", &format!("corp.example/Team/lib git {url}"));
    server.pins("host");
    (company, server)
}

fn larder(company: &Company, server: &Server, key: &str) -> Larder {
    company.larder(&[&server.credential(key), "network.allow=127.0.0.1"])
}

#[tokio::test]
async fn private_modules_come_over_ssh_and_only_larder_has_the_key() {
    if !go::available() {
        return;
    }
    let (company, server) = with_a_server().await;
    let larder = larder(&company, &server, "user");
    let own = format!(
        "ssh -o IdentitiesOnly=yes -o UserKnownHostsFile={} -i {}",
        server.file("known_hosts"),
        server.file("user")
    );
    let (through, alone) = (company.client("through", &larder), company.alone("alone"));
    let alone = alone.env("GIT_SSH_COMMAND", own);
    let asked = [
        "corp.example/Team/lib@v1.1.0",
        "corp.example/Team/lib@main",
        "corp.example/Team/lib/sub@v0.1.0",
        "corp.example/Team/lib/v2@latest",
    ];
    agree(&through, &alone, &asked).await;
    assert!(company.host.seen().iter().all(|asked| asked.method == "GET"), "asked over https too");
}

#[tokio::test]
async fn a_host_that_shows_another_key_is_talked_to_no_further_and_a_key_that_is_refused_is_named() {
    let (company, server) = with_a_server().await;
    server.pins("other-host");
    let astray = larder(&company, &server, "user");
    for answer in ask_all(&astray).await {
        let text = answer.text();
        assert_eq!(answer.status, 503, "{text}");
        assert!(
            text.contains("Host key verification failed") && text.contains("not the one expected"),
            "{text}"
        );
    }
    let log = fs::read_to_string(server.file("log")).unwrap();
    assert!(!log.contains("Accepted") && !log.contains("publickey"), "it was shown the key: {log}");
    drop(astray);
    server.pins("host");
    let refused = larder(&company, &server, "other-user");
    for answer in ask_all(&refused).await {
        let text = answer.text();
        assert_eq!(answer.status, 503, "{text}");
        assert!(text.contains("Permission denied (publickey)") && text.contains("deploy-key"), "{text}");
    }
    // As git's hosts do for a repository that is not there, or not for us.
    drop(refused);
    fs::remove_dir_all(company.file("repositories/git/Team/lib")).unwrap();
    let gone = larder(&company, &server, "user");
    for answer in ask_all(&gone).await {
        assert_eq!(answer.status, 503, "{}", answer.text());
    }
}

/// All there is to ask of a module.
async fn ask_all(larder: &Larder) -> Vec<Response> {
    let doors = ["@v/list", "@latest", "@v/v1.0.0.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip"];
    let paths = doors.map(|door| format!("/corp.example/!team/lib/{door}"));
    join_all(paths.iter().map(|path| larder.ask(path))).await
}
