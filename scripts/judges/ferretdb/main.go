// FerretDB as a program that serves one address until SIGTERM: ferretdb ADDRESS sqlite FOLDER | ferretdb ADDRESS postgresql URL.
// It prints the URI once it listens; with port 0 any free one.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: ferretdb ADDRESS sqlite FOLDER | ferretdb ADDRESS postgresql URL")
		os.Exit(2)
	}
	config := &ferretdb.Config{
		Listener: ferretdb.ListenerConfig{TCP: os.Args[1]},
		Handler:  os.Args[2],
	}
	if config.Handler == "sqlite" {
		config.SQLiteURL = "file:" + os.Args[3] + "/"
	} else {
		config.PostgreSQLURL = os.Args[3]
	}
	server, err := ferretdb.New(config)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	fmt.Println(server.MongoDBURI())
	if err := <-done; err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
