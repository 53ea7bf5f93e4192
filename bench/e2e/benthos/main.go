// Benthos, the core of Redpanda Connect, with the parts that a pipeline from HTTP needs: what a user
// might run in Millrace's place. single.yaml and batch.yaml say what it does.
package main

import (
	"context"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
)

func main() {
	service.RunCLI(context.Background())
}
