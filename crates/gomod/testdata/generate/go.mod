module example.com/gomod/generate

go 1.26
