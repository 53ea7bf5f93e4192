#!/usr/bin/env python3
"""Streams lines from standard input into Millrace and prints what became of each.

    protoc --proto_path=api/proto --python_out=examples/grpc diplom/v1/diplom.proto
    printf 'one\\ntwo\\n' | examples/grpc/client.py localhost:50052

Needs grpcio and protobuf (Debian: python3-grpcio, python3-protobuf)."""

import sys

import grpc
from diplom.v1 import diplom_pb2 as millrace

channel = grpc.insecure_channel(sys.argv[1])
ingest_acks = channel.stream_stream(
    "/diplom.v1.IngestService/IngestAcks",
    request_serializer=millrace.IngestRequest.SerializeToString,
    response_deserializer=millrace.IngestAck.FromString)
requests = (millrace.IngestRequest(source="python", data=line.rstrip("\n").encode())
            for line in sys.stdin)
for ack in ingest_acks(requests, timeout=60):
    for place in range(ack.count):
        accepted = ack.status == "accepted"
        print(ack.index + place, ack.message_ids[place] if accepted else ack.problem.message)
