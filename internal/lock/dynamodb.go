package lock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/format"
)

// call is one operation of the SDK, kept as a function and not as the SDK's client, as in package asg.
type call[In, Out any] func(context.Context, *In, ...func(*awsdynamodb.Options)) (*Out, error)

// dynamo keeps slots in a DynamoDB table.
type dynamo struct {
	where     Where
	region    string
	self      string
	addresses []string // they go into its entry
	random    func() float64
	watched   watch
	last      *slots // the item as it was last read or written; nil: not yet
	wrote     bool   // an entry of this instance may be in it
	found     bool   // an entry of this instance was in it before one was written here
	get       call[awsdynamodb.GetItemInput, awsdynamodb.GetItemOutput]
	put       call[awsdynamodb.PutItemInput, awsdynamodb.PutItemOutput]
}

func newDynamo(w Where, o Options, random func() float64) *dynamo {
	sdk := awsdynamodb.NewFromConfig(o.AWS, func(so *awsdynamodb.Options) {
		// It would ask for DescribeEndpoints, another permission, for the sake of an endpoint that is known.
		so.EndpointDiscovery.EnableEndpointDiscovery = aws.EndpointDiscoveryDisabled
	})
	return &dynamo{
		where: w, region: o.AWS.Region, self: o.Instance, addresses: o.Addresses, random: random, watched: watch{}, get: sdk.GetItem, put: sdk.PutItem,
	}
}

var (
	// errConflict: somebody else changed the item since it was read, or an attempt of this very call did.
	errConflict = errors.New("the item has changed meanwhile")
	// errNotWhole: DynamoDB names the capacity that a request consumed, where it is asked to, so an answer without it is
	// not DynamoDB's. An empty one would otherwise read as an item that does not exist.
	errNotWhole = errors.New("the answer is not a whole one of DynamoDB's")
)

// read reads the item of a group, consistently. A group without one has no holders.
func (d *dynamo) read(ctx context.Context, key string) (slots, error) {
	s, err := d.readItem(ctx, key)
	if err == nil {
		d.last = &s
	}
	return s, err
}

func (d *dynamo) readItem(ctx context.Context, key string) (slots, error) {
	in := &awsdynamodb.GetItemInput{
		TableName: aws.String(d.where.table), ConsistentRead: aws.Bool(true),
		Key:                    map[string]types.AttributeValue{groupAttribute: &types.AttributeValueMemberS{Value: key}},
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	}
	for attempt := 0; ; attempt++ {
		out, err := d.get(ctx, in)
		if err != nil {
			return slots{}, d.explain(err, key)
		}
		if raw := out.Item; out.ConsumedCapacity != nil {
			if raw == nil {
				return slots{}, nil
			}
			if group, ok := raw[groupAttribute].(*types.AttributeValueMemberS); ok && group.Value == key {
				s, err := readItem(raw)
				if err != nil {
					err = foreign(d.where.table, key, err)
				}
				return s, err
			}
		}
		if err := d.pause(ctx, attempt, slowest); err != nil {
			return slots{}, d.unreachable(ctx, "reading table %s: %w", d.where.table, errors.Join(errNotWhole, err))
		}
	}
}

// write replaces the item of a group where it is still as it was read. errConflict where it is not; see doubtful.
func (d *dynamo) write(ctx context.Context, key string, before, after slots) error {
	in := &awsdynamodb.PutItemInput{
		TableName: aws.String(d.where.table), Item: after.item(key),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	}
	if before.version == "" {
		in.ConditionExpression = aws.String("attribute_not_exists(#g)")
		in.ExpressionAttributeNames = map[string]string{"#g": groupAttribute}
	} else {
		in.ConditionExpression = aws.String("#v = :v")
		in.ExpressionAttributeNames = map[string]string{"#v": versionAttribute}
		in.ExpressionAttributeValues = map[string]types.AttributeValue{":v": &types.AttributeValueMemberS{Value: before.version}}
	}
	hold := after.holders[d.self] != ""
	d.wrote = d.wrote || hold
	out, err := d.put(ctx, in)
	switch {
	case err == nil && out.ConsumedCapacity == nil:
		return errNotWhole
	case err == nil:
		d.last, d.wrote = &after, hold
		return nil
	}
	return d.explain(err, key)
}

// explain classifies what DynamoDB refuses.
func (d *dynamo) explain(err error, key string) error {
	refused, ok := errors.AsType[*awsapi.RefusedError](err)
	if !ok {
		return awsapi.Wrap(err, "table %s", d.where.table)
	}
	switch refused.Code {
	case "ConditionalCheckFailedException":
		return errConflict
	case "ResourceNotFoundException":
		return &NoTableError{failure.New(failure.Setup, "create the table (docs/lock.md), or name another with --lock",
			"no DynamoDB table %s in %s", d.where.table, d.region), createTable(d.where.table)}
	case "ValidationException":
		// What the item itself could be refused for is its size: 400 KB are some 6,000 entries.
		return failure.New(failure.Setup, "create a table with the partition key "+groupAttribute+", a string, and no sort key (docs/lock.md)",
			"table %s does not take the item of group %s: %s", d.where.table, key, format.OneLine(refused.Message))
	}
	return awsapi.Wrap(err, "table %s", d.where.table)
}

// NoTableError is that there is no such table.
type NoTableError struct {
	*failure.Refusal
	Create string // the command that makes it
}

func (e *NoTableError) Unwrap() error { return e.Refusal }

func createTable(name string) string {
	return fmt.Sprintf("aws dynamodb create-table --table-name %s --billing-mode PAY_PER_REQUEST "+
		"--attribute-definitions AttributeName=%[2]s,AttributeType=S --key-schema AttributeName=%[2]s,KeyType=HASH", name, groupAttribute)
}

// unreachable is the error of a wait that ctx ended.
func (d *dynamo) unreachable(ctx context.Context, text string, args ...any) error {
	if err := stopped(ctx); err != nil {
		return err
	}
	return &failure.Refusal{
		Class: failure.Unreachable, Hint: "check the network path to DynamoDB, then run it again", Err: fmt.Errorf(text, args...),
	}
}

const (
	// firstPause is the longest pause after a first conflict: a few round trips.
	firstPause = 100 * time.Millisecond
	// slowest is the longest pause after many.
	slowest = 5 * time.Second
)

// pause waits for a random time that doubles from attempt to attempt, up to a limit. Nothing but chance tells agents
// that lost the same race apart. It returns the cause of a context that ends first.
func (d *dynamo) pause(ctx context.Context, attempt int, limit time.Duration) error {
	longest := limit
	if attempt < 16 {
		longest = min(firstPause<<attempt, limit)
	}
	return sleep(ctx, time.Duration(d.random()*float64(longest)))
}

// stopped is the error of a context that was cancelled, as a signal does it; nil where none was, or its time is over.
func stopped(ctx context.Context) error {
	if cause := context.Cause(ctx); errors.Is(ctx.Err(), context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("stopped: %w", cause)
	}
	return nil
}

// sleep waits, or returns the cause of a context that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
