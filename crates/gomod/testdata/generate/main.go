package main

import "fmt"

func main() {
	if err := writeTables("../../src/unicode/tables.rs"); err != nil {
		fmt.Println(err)
	}
}
