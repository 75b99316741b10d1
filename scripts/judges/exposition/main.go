// Reads bodies of /metrics as Prometheus reads them: `exposition CONTENT_TYPE < body` prints each sample as a line of JSON, and ends
// with 1 and the parser's message when Prometheus would lose the scrape.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

type sample struct {
	Labels   map[string]string `json:"labels"`
	Value    string            `json:"value"`
	Exemplar map[string]string `json:"exemplar,omitempty"`
	AtMs     int64             `json:"exemplarAtMs,omitempty"`
}

func main() {
	body, err := io.ReadAll(os.Stdin)
	fail(err)
	parser, err := textparse.New(body, os.Args[1], labels.NewSymbolTable(), textparse.ParserOptions{})
	fail(err)
	out := json.NewEncoder(os.Stdout)
	seen := map[string]bool{}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		fail(err)
		if entry != textparse.EntrySeries {
			continue
		}
		var at labels.Labels
		parser.Labels(&at)
		if seen[at.String()] {
			fail(fmt.Errorf("duplicate series %s", at))
		}
		seen[at.String()] = true
		_, _, value := parser.Series()
		found := sample{Labels: at.Map(), Value: strconv.FormatFloat(value, 'g', -1, 64)}
		var held exemplar.Exemplar
		if parser.Exemplar(&held) {
			found.Exemplar, found.AtMs = held.Labels.Map(), held.Ts
		}
		fail(out.Encode(found))
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
