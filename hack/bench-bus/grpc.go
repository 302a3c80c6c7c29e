package main

import (
	"context"
	"errors"
	"io"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// grpcPiece is the payload of one message of a stream: within the 16 to 64 KiB
// that gRPC's documentation advises, and the fastest of what we tried.
const grpcPiece = 64 << 10

const (
	grpcCall   = "/echo.Echo/Call"
	grpcStream = "/echo.Echo/Stream"
)

// echoDesc is what protoc would have generated for
//
//	service Echo {
//	  rpc Call(google.protobuf.BytesValue) returns (google.protobuf.BytesValue);
//	  rpc Stream(stream google.protobuf.BytesValue) returns (stream google.protobuf.BytesValue);
//	}
func echoDesc() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "echo.Echo", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Call",
			Handler: func(_ any, _ context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				in := &wrapperspb.BytesValue{}
				if err := dec(in); err != nil {
					return nil, err
				}
				return in, nil
			},
		}},
		Streams: []grpc.StreamDesc{{
			StreamName: "Stream", ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, s grpc.ServerStream) error {
				for {
					in := &wrapperspb.BytesValue{}
					if err := s.RecvMsg(in); errors.Is(err, io.EOF) {
						return nil
					} else if err != nil {
						return err
					}
					if err := s.SendMsg(in); err != nil {
						return err
					}
				}
			},
		}},
	}
}

func serveGRPC(ctx context.Context, l net.Listener) error {
	srv := grpc.NewServer()
	srv.RegisterService(echoDesc(), struct{}{})
	stop := context.AfterFunc(ctx, srv.Stop)
	defer stop()
	return srv.Serve(l)
}

type grpcClient struct{ cc *grpc.ClientConn }

func dialGRPC(_ context.Context, socket string) (client, error) {
	cc, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	return grpcClient{cc}, err
}

func (c grpcClient) echo(ctx context.Context, payload string) (string, error) {
	out := &wrapperspb.BytesValue{}
	err := c.cc.Invoke(ctx, grpcCall, wrapperspb.Bytes([]byte(payload)), out)
	return string(out.GetValue()), err
}

func (c grpcClient) stream(ctx context.Context, src io.Reader, dst io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := c.cc.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, grpcStream)
	if err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() { sent <- sendPieces(s, src) }()
	for {
		out := &wrapperspb.BytesValue{}
		if err := s.RecvMsg(out); errors.Is(err, io.EOF) {
			return <-sent
		} else if err != nil {
			return err
		}
		if _, err := dst.Write(out.GetValue()); err != nil {
			return err
		}
	}
}

func sendPieces(s grpc.ClientStream, src io.Reader) error {
	buf := make([]byte, grpcPiece)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if err := s.SendMsg(wrapperspb.Bytes(buf[:n])); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return s.CloseSend()
		}
		if err != nil {
			return err
		}
	}
}

func (c grpcClient) close() error { return c.cc.Close() }
