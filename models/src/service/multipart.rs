//! A form with a file in it, as `multipart/form-data` (RFC 7578).

/// A form that is being filled in.
pub(super) struct Form {
    boundary: String,
    body: Vec<u8>,
}

impl Form {
    /// A form with a file in it, whose bytes the boundary is chosen by: it must not be among them.
    pub(super) fn with_file(name: &str, file_name: &str, content_type: &str, content: &[u8]) -> Form {
        let mut boundary = "pipit-form-0".to_owned();
        let mut number = 0_u32;
        while content.windows(boundary.len()).any(|window| window == boundary.as_bytes()) {
            number += 1;
            boundary = format!("pipit-form-{number}");
        }
        let mut form = Form { boundary, body: Vec::with_capacity(content.len() + 1024) };
        let head = format!("; filename=\"{file_name}\"\r\nContent-Type: {content_type}");
        form.part(name, &head, content);
        form
    }

    /// Adds a field. Neither it nor its name may hold the boundary, which nothing of a configuration does by accident.
    pub(super) fn field(mut self, name: &str, value: &str) -> Form {
        self.part(name, "", value.as_bytes());
        self
    }

    /// The content type and the body.
    pub(super) fn finish(mut self) -> (String, Vec<u8>) {
        self.body.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        (format!("multipart/form-data; boundary={}", self.boundary), self.body)
    }

    fn part(&mut self, name: &str, head: &str, content: &[u8]) {
        let before = format!("--{}\r\nContent-Disposition: form-data; name=\"{name}\"{head}\r\n\r\n", self.boundary);
        self.body.extend_from_slice(before.as_bytes());
        self.body.extend_from_slice(content);
        self.body.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::Form;

    #[test]
    fn the_boundary_is_not_in_the_file() {
        let (content_type, body) =
            Form::with_file("file", "a.wav", "audio/wav", b"xx pipit-form-0 xx").field("model", "m").finish();
        assert_eq!(content_type, "multipart/form-data; boundary=pipit-form-1");
        let expected = "--pipit-form-1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
                        Content-Type: audio/wav\r\n\r\nxx pipit-form-0 xx\r\n--pipit-form-1\r\n\
                        Content-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--pipit-form-1--\r\n";
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }
}
