// Streams lines from standard input into Millrace and prints how many it accepted. README.md says
// how to build it.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	millrace "example.com/client/diplom"
)

func main() {
	conn, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	stream, err := millrace.NewIngestServiceClient(conn).IngestStream(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if stream.Send(&millrace.IngestRequest{Source: "go", Data: lines.Bytes()}) != nil {
			break // CloseAndRecv says why
		}
	}
	answer, err := stream.CloseAndRecv()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Accepted, "accepted,", answer.Rejected, "rejected")
}
