// Health check for an image with nothing else in it: `answers PORT PATH` ends with 0 if 127.0.0.1:PORT answers 200 within
// 2 seconds. Like answers.py, where there is Python.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fail("usage: answers PORT PATH")
	}
	connection, err := net.DialTimeout("tcp", "127.0.0.1:"+os.Args[1], 2*time.Second)
	if err != nil {
		fail(err)
	}
	connection.SetDeadline(time.Now().Add(2 * time.Second))
	fmt.Fprintf(connection, "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", os.Args[2])
	line, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil {
		fail(err)
	}
	if words := strings.Fields(line); len(words) < 2 || words[1] != "200" {
		fail("answered ", strings.TrimSpace(line))
	}
}

func fail(why ...any) {
	fmt.Fprintln(os.Stderr, why...)
	os.Exit(1)
}
