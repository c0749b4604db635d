// tslab: the moving parts of an offline tailnet, for tests.
//
//	tslab control      control server, DERP, STUN, DNS, ACME front, admin API
//	tslab ingress      a Funnel ingress node (as the vendor runs on the public internet)
//	tslab funnel-dial  listens on loopback, sends each connection through the ingress
//	tslab free         tells whether a run of ports is free
//
// up.sh starts it; README.md says what for.
package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
)

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	args := os.Args[2:]
	var err error
	switch os.Args[1] {
	case "control":
		err = runControl(args)
	case "ingress":
		err = runIngress(args)
	case "funnel-dial":
		err = runFunnelDial(args)
	case "free":
		err = freePorts(args)
	default:
		usage()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "tslab %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: tslab control|ingress|funnel-dial|free [flags]")
	os.Exit(2)
}

// freePorts BASE COUNT: fails if one of them is taken on 127.0.0.1, TCP or UDP.
func freePorts(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("want BASE COUNT")
	}
	base, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	for p := base; p < base+count; p++ {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p)))
		if err != nil {
			return err
		}
		l.Close()
		u, err := net.ListenPacket("udp", ":"+strconv.Itoa(p))
		if err != nil {
			return err
		}
		u.Close()
	}
	return nil
}
