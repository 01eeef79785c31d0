//! What the company's repositories hold.

/// Modules at the top, in a directory and of a second major version, a submodule, a branch, commits
/// without tags, an annotated tag, and files that git changes on their way out.
pub(crate) const LIB: &str = r#"
handle git
env GIT_AUTHOR_NAME='A Person'
env GIT_AUTHOR_EMAIL=a@corp.example
env GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME
env GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
git init
at 2026-01-02T03:04:05Z
git add go.mod lib.go LICENSE .gitattributes
git commit -m one
git tag v1.0.0
at 2026-01-03T03:04:05Z
git add sub v2 .gitmodules
git update-index --add --cacheinfo 160000,0123456789012345678901234567890123456789,vendored
git commit -m two
git tag -a -m second v1.1.0
git tag sub/v0.1.0
git tag v2.0.0
git tag v2.1.0-rc.1
git branch stable
at 2026-01-04T03:04:05Z
git add later.go
git commit -m three
git branch feature/one
-- go.mod --
module corp.example/Team/lib

go 1.21
-- lib.go --
package lib // $Id$
-- .gitattributes --
*.go ident
*.txt text eol=crlf
-- .gitmodules --
[submodule "vendored"]
	path = vendored
	url = ../vendored
-- LICENSE --
free for all
-- sub/go.mod --
module corp.example/Team/lib/sub

go 1.21
-- sub/sub.go --
package sub
-- sub/notes.txt --
one
two
-- v2/go.mod --
module corp.example/Team/lib/v2

go 1.21
-- v2/lib.go --
package lib
-- later.go --
package lib
"#;

/// A module that needs another one of the company and one of the public.
pub(crate) const APP: &str = r#"
handle git
env GIT_AUTHOR_NAME='A Person'
env GIT_AUTHOR_EMAIL=a@corp.example
env GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME
env GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
git init
at 2026-01-05T03:04:05Z
git add go.mod app.go
git commit -m one
git tag v0.1.0
-- go.mod --
module corp.example/Team/app

go 1.21

require (
	corp.example/Team/lib v1.0.0
	example.com/Upper/Lib v1.0.0
)
-- app.go --
package app

import (
	_ "corp.example/Team/lib"
	_ "example.com/Upper/Lib"
)
"#;
