package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// writeProxies writes cases of GOPROXY. What reads it is internal to the go command, so the order of its steps is
// written again here; URLs are judged by net/url itself.
func writeProxies(c *corpus) error {
	f := newFile("goproxy", `"list" error "text" | the targets, each followed by when the next is asked: absent | any`)
	lists := c.mutate(trickyProxies, "ab.:/,|@%[]0 ?#x", 1200)
	for _, list := range lists {
		if strings.Contains(list, "@") && !strings.HasPrefix(list, "https://user:pass@") {
			continue // names and passwords are told in another way than Go does
		}
		entries, err := proxyList(list)
		if err != nil {
			f.add(list, err)
			continue
		}
		f.add(append([]any{list}, entries...)...)
	}
	return f.close()
}

func proxyList(list string) (entries []any, err error) {
	for list != "" {
		end := strings.IndexAny(list, ",|")
		next := word("absent")
		entry := list
		if end < 0 {
			list = ""
		} else {
			if list[end] == '|' {
				next = "any"
			}
			entry, list = list[:end], list[end+1:]
		}
		entry = strings.TrimSpace(entry)
		switch entry {
		case "":
			continue
		case "direct", "off":
			return append(entries, entry, word("absent")), nil
		}
		if strings.ContainsAny(entry, ".:/") && !strings.Contains(entry, ":/") && !strings.HasPrefix(entry, "/") {
			entry = "https://" + entry
		}
		if err := checkProxy(entry); err != nil {
			return nil, err
		}
		entries = append(entries, entry, next)
	}
	if entries == nil {
		return nil, errors.New("GOPROXY list is not the empty string, but contains no entries")
	}
	return entries, nil
}

func checkProxy(entry string) error {
	u, err := url.Parse(entry)
	if err != nil {
		return err
	}
	pathOnly := url.URL{Scheme: u.Scheme, Path: u.Path, RawPath: u.RawPath}
	switch {
	case u.Scheme == "":
		return fmt.Errorf("invalid proxy URL missing scheme: %s", u.Redacted())
	case u.Scheme == "file" && *u != pathOnly:
		return fmt.Errorf("invalid file:// proxy URL with non-path elements: %s", u.Redacted())
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "file":
		return fmt.Errorf("invalid proxy URL scheme (must be https, http, file): %s", u.Redacted())
	}
	return nil
}

var trickyProxies = []string{
	"https://proxy.example.com,direct", "https://a.example.com|https://b.example.com,off", "direct", "off", "", ",", "|", " , |",
	"direct,https://a.example.com", "off|direct", "proxy.example.com", "proxy.example.com/base/|direct", "localhost:8080",
	"localhost", "foo", "/abs/path", "./rel", "a:b", ":", ":/", "://x", "ftp://x/y", "HTTP://x/y", "file:///a/b", "file://host/a",
	"file:/a", "file:a", "file:///a?b", "file:///a?", "file:///a#b", "file:///a#", "file:///a%20b", "file:///a%zz", "http://x:y/",
	"http://x:1:2/", "http://[::1]/", "http://[::1]:80/", "http://[::1", "http://[::1]x/", "http://a[::1]/", "http://a b/", "http://%41/",
	"http://%zz/", "http://%e4/", "http://[fe80::1%25en0]/", "http://a^b/", "https://x/%", "https://x/a b", "https:///x", "https://",
	"https:/x", "https:x", "1http://x", "h_t://x", "noproxy", " https://a.example.com , direct ", "https://x?a=b", "https://x#%zz", "*",
}
