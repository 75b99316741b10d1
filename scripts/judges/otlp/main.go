// Reads requests as the OpenTelemetry Collector's receiver decodes them: `otlp traces|metrics|logs json|proto < body` prints the request
// as the Collector would write it (JSON), and ends with 1 and its message when the Collector would answer 400.
package main

import (
	"fmt"
	"io"
	"os"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

type request interface {
	UnmarshalJSON([]byte) error
	UnmarshalProto([]byte) error
	MarshalJSON() ([]byte, error)
}

func main() {
	body, err := io.ReadAll(os.Stdin)
	fail(err)
	var asked request
	switch os.Args[1] {
	case "traces":
		asked = ptraceotlp.NewExportRequest()
	case "metrics":
		asked = pmetricotlp.NewExportRequest()
	case "logs":
		asked = plogotlp.NewExportRequest()
	default:
		fail(fmt.Errorf("not a signal: %s", os.Args[1]))
	}
	if os.Args[2] == "json" {
		fail(asked.UnmarshalJSON(body))
	} else {
		fail(asked.UnmarshalProto(body))
	}
	text, err := asked.MarshalJSON()
	fail(err)
	_, err = os.Stdout.Write(text)
	fail(err)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
