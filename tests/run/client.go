// SPDX-License-Identifier: MIT

// client.go - Go's own system calls and scheduler: parallel requests, a server inside, a refusal
//
// usage: client ECHO_PORT CLOSED_PORT
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
)

func echo(port string, i int) error {
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	defer c.Close()
	want := strings.Repeat(fmt.Sprintf("%04d", i), 500)
	if _, err := io.WriteString(c, want); err != nil {
		return err
	}
	c.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(c)
	if err == nil && string(got) != want {
		err = fmt.Errorf("connection %d got %d octets", i, len(got))
	}
	return err
}

func serve() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for i := 0; i < 20; i++ {
		if err := echo(port, i); err != nil {
			return err
		}
	}
	return l.Close()
}

func main() {
	var wg sync.WaitGroup
	failed := make(chan error, 300)
	for i := 0; i < 200; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			if err := echo(os.Args[1], i); err != nil {
				failed <- err
			}
		}(i)
	}
	wg.Wait()
	if err := serve(); err != nil {
		failed <- err
	}
	_, err := net.Dial("tcp", "127.0.0.1:"+os.Args[2])
	fmt.Println(err != nil && strings.Contains(err.Error(), "connection refused"))
	close(failed)
	n := 0
	for err := range failed {
		fmt.Println(err)
		n++
	}
	fmt.Println("failures:", n)
}
