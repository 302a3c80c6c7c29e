// Command reaper stands in for Ryuk, the container that testcontainers starts to
// remove what a killed test has left. Neither the image nor the module of Ryuk can
// be had where the tests run; this speaks its protocol. A client connects to port
// 8080 and sends lines of filters, "label=a=b&label=c=d"; each is answered with
// ACK. When nobody has been connected for RYUK_RECONNECTION_TIMEOUT, whatever has
// the labels is removed by the socket that is mounted, and the program ends.
// It owns the list of filters. Start reading at main. Nothing imports it.
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "reaper:", err)
		os.Exit(1)
	}
}

func run() error {
	timeout, err := time.ParseDuration(cmp.Or(os.Getenv("RYUK_RECONNECTION_TIMEOUT"), "10s"))
	if err != nil {
		return err
	}
	first, err := time.ParseDuration(cmp.Or(os.Getenv("RYUK_CONNECTION_TIMEOUT"), "1m"))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", ":8080")
	if err != nil {
		return err
	}
	fmt.Println("Started")
	filters := collect(listener, first, timeout)
	e := engine{&http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", "/var/run/docker.sock")
	}}}}
	for filter := range filters {
		err = errors.Join(err, e.reap(filter))
	}
	return err
}

// message is what a connection tells: it is there (+1), gone (-1), or a filter.
type message struct {
	change int
	filter string
}

// collect gathers filters until nobody is connected any more.
func collect(listener net.Listener, first, timeout time.Duration) map[string]bool {
	messages := make(chan message)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			messages <- message{change: 1}
			go listen(conn, messages)
		}
	}()
	filters, connected := map[string]bool{}, 0
	patience := time.NewTimer(first)
	for {
		select {
		case m := <-messages:
			connected += m.change
			if m.filter != "" {
				filters[m.filter] = true
			}
			patience.Stop()
			if connected == 0 {
				patience.Reset(timeout)
			}
		case <-patience.C:
			return filters
		}
	}
}

func listen(conn net.Conn, messages chan<- message) {
	defer func() {
		conn.Close()
		messages <- message{change: -1}
	}()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		messages <- message{filter: lines.Text()}
		if _, err := io.WriteString(conn, "ACK\n"); err != nil {
			return
		}
	}
}

// engine is the daemon whose socket is mounted.
type engine struct{ client *http.Client }

// reap removes what a filter says.
func (e engine) reap(filter string) error {
	labels, err := url.ParseQuery(filter)
	if err != nil {
		return err
	}
	text, err := json.Marshal(labels)
	if err != nil {
		return err
	}
	query := url.Values{"filters": {string(text)}}
	var containers, networks, images []struct {
		ID string `json:"Id"`
	}
	var volumes struct{ Volumes []struct{ Name string } }
	err = errors.Join(
		e.get("/containers/json?all=1&"+query.Encode(), &containers), e.get("/networks?"+query.Encode(), &networks),
		e.get("/volumes?"+query.Encode(), &volumes), e.get("/images/json?"+query.Encode(), &images))
	for _, c := range containers {
		err = errors.Join(err, e.remove("/containers/"+c.ID+"?force=1&v=1"))
	}
	for _, n := range networks {
		err = errors.Join(err, e.remove("/networks/"+n.ID))
	}
	for _, v := range volumes.Volumes {
		err = errors.Join(err, e.remove("/volumes/"+v.Name+"?force=1"))
	}
	for _, i := range images {
		err = errors.Join(err, e.remove("/images/"+i.ID+"?force=1"))
	}
	fmt.Printf("Removed %d containers, %d networks, %d volumes, %d images\n", len(containers), len(networks), len(volumes.Volumes), len(images))
	return err
}

func (e engine) get(path string, doc any) error {
	resp, err := e.client.Get("http://docker" + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(doc)
}

func (e engine) remove(path string) error {
	req, err := http.NewRequest(http.MethodDelete, "http://docker"+path, nil)
	if err != nil {
		return err
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 && resp.StatusCode != http.StatusNotFound {
		text, _ := io.ReadAll(resp.Body) // it only explains the status
		return fmt.Errorf("%s: %s: %s", path, resp.Status, text)
	}
	return nil
}
