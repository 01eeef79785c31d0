module example.com/gomod/generate_zip

go 1.26

require golang.org/x/mod v0.40.0
