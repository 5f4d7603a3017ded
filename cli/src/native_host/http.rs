//! Asking servers.

use std::collections::BTreeMap;
use std::time::Duration;

use ocuroot_core::sdk::{HostError, HttpRequest, HttpResponse, canonical_header};
use ureq::http::{Request, Response};
use ureq::{Agent, Body};

/// How long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(30);

/// A client whose connections are reused.
#[derive(Clone)]
pub(super) struct Client {
    agent: Agent,
}

impl Default for Client {
    fn default() -> Client {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .user_agent(format!("ocuroot/{}", ocuroot_core::VERSION))
            .build();
        Client { agent: config.into() }
    }
}

impl Client {
    /// The server's answer, whatever its status.
    pub(super) fn ask(&self, asked: &HttpRequest) -> Result<HttpResponse, HostError> {
        let failed =
            |why: String| HostError::new(format!("{} {}: {why}", asked.method, without_userinfo(&asked.url)));
        let mut request = Request::builder().method(asked.method.as_str()).uri(asked.url.as_str());
        for (name, values) in &asked.headers {
            for value in values {
                request = request.header(name.as_str(), value.as_str());
            }
        }
        let answer = match &asked.body {
            Some(body) => {
                let request = request.body(body.as_str()).map_err(|error| failed(error.to_string()))?;
                self.agent.run(request)
            }
            None => {
                let request = request.body(()).map_err(|error| failed(error.to_string()))?;
                self.agent.run(request)
            }
        };
        let answer = answer.map_err(|error| failed(error.to_string()))?;
        read(answer).map_err(|error| failed(error.to_string()))
    }
}

fn read(mut answer: Response<Body>) -> Result<HttpResponse, ureq::Error> {
    let status = answer.status();
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in answer.headers() {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.entry(canonical_header(name.as_str())).or_default().push(value);
    }
    let body = answer.body_mut().with_config().limit(u64::MAX).read_to_vec()?;
    let text = match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    };
    Ok(HttpResponse {
        status_code: status.as_u16(),
        status_text: text,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// A URL without the user and password that it may hold: it goes into an error.
pub(crate) fn without_userinfo(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// A server that gives each connection the next answer, and hands out what it was asked.
    fn serve(answers: Vec<&'static str>) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let handle = std::thread::spawn(move || {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut text = Vec::new();
                let mut buffer = [0; 4096];
                loop {
                    let read = stream.read(&mut buffer).unwrap();
                    text.extend_from_slice(&buffer[..read]);
                    let request = String::from_utf8_lossy(&text);
                    let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
                    let length = head
                        .lines()
                        .find_map(|line| {
                            line.to_lowercase()
                                .strip_prefix("content-length:")
                                .map(|n| n.trim().parse::<usize>().unwrap())
                        })
                        .unwrap_or(0);
                    if read == 0 || body.len() >= length {
                        break;
                    }
                }
                asked.push(String::from_utf8_lossy(&text).into_owned());
                stream.write_all(answer.as_bytes()).unwrap();
            }
            asked
        });
        (address, handle)
    }

    #[test]
    fn any_status_is_an_answer_and_redirects_are_followed() {
        let (address, server) = serve(vec![
            "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\nx-a: 1\r\nX-A: 2\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope",
        ]);
        let request = HttpRequest {
            method: "GET".to_owned(),
            url: format!("{address}/here"),
            headers: BTreeMap::from([("X-Ask".to_owned(), vec!["a".to_owned(), "b".to_owned()])]),
            body: None,
        };
        let response = Client::default().ask(&request).unwrap();
        assert_eq!((response.status_code, response.status_text.as_str()), (404, "404 Not Found"));
        assert_eq!(response.headers["X-A"], ["1", "2"]);
        assert_eq!(response.body, "nope");
        let asked = server.join().unwrap();
        assert!(asked[0].starts_with("GET /here") && asked[1].starts_with("GET /there"));
        assert!(
            asked[0].to_lowercase().contains("x-ask: a\r\n")
                && asked[0].to_lowercase().contains("x-ask: b\r\n")
        );
    }

    #[test]
    fn bodies_are_sent() {
        let (address, server) = serve(vec!["HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"]);
        let request = HttpRequest {
            method: "PATCH".to_owned(),
            url: address,
            body: Some("{}".to_owned()),
            ..HttpRequest::default()
        };
        let response = Client::default().ask(&request).unwrap();
        assert_eq!((response.status_text.as_str(), response.body.as_str()), ("204 No Content", ""));
        assert!(server.join().unwrap()[0].ends_with("\r\n\r\n{}"));
    }

    #[test]
    fn no_answer_is_an_error_without_passwords() {
        let request = HttpRequest {
            method: "GET".to_owned(),
            url: "http://me:hunter2@127.0.0.1:1/x".to_owned(),
            ..HttpRequest::default()
        };
        let message = Client::default().ask(&request).unwrap_err().message;
        assert!(message.starts_with("GET http://127.0.0.1:1/x: "), "{message}");
        assert!(!message.contains("hunter2"));
    }
}
