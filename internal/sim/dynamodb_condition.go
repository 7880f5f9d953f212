package sim

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// condition is a ConditionExpression while it is evaluated against an item: attribute_exists, attribute_not_exists,
// = and <> between two operands, NOT, AND, OR and parentheses, on attributes at the top of the item (Developer Guide,
// "Condition and filter expressions, operators, and functions"). Anything else that DynamoDB knows is refused as a
// syntax error.
type condition struct {
	item   item // nil: there is none
	names  map[string]string
	values map[string]tableValue
	used   map[string]bool // of the names and values

	tokens []string
}

var (
	conditionToken = regexp.MustCompile(`\s*(<>|[=(),]|[#:]?[A-Za-z0-9_.-]+|\S)`)
	conditionName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// reservedWords are those of DynamoDB's 573 that somebody may take for the name of an attribute in a table of locks
// (Developer Guide, "Reserved words in DynamoDB").
var reservedWords = []string{
	"ABSENT", "ADD", "COUNT", "DATE", "EXISTS", "GROUP", "GROUPS", "HOLD", "INDEX", "INSTANCE", "KEY", "KEYS", "LOCK", "LOCKS", "NAME",
	"NAMES", "OWNER", "REGION", "SET", "STATE", "STATUS", "TABLE", "TIME", "TIMESTAMP", "TTL", "UUID", "VALUE", "VALUES", "ZONE",
}

// evaluate says whether the item meets an expression; an empty one always.
func (c *condition) evaluate(expression string) (bool, error) {
	c.used = map[string]bool{}
	met := true
	if expression != "" {
		for _, match := range conditionToken.FindAllStringSubmatch(expression, -1) {
			c.tokens = append(c.tokens, match[1])
		}
		var err error
		if met, err = c.or(); err != nil {
			return false, err
		}
		if len(c.tokens) > 0 {
			return false, c.syntax()
		}
	}
	return met, c.allUsed()
}

// allUsed refuses names and values that the expression does not use.
func (c *condition) allUsed() error {
	for _, table := range []struct {
		what string
		keys []string
	}{
		{"ExpressionAttributeNames", slices.Sorted(maps.Keys(c.names))}, {"ExpressionAttributeValues", slices.Sorted(maps.Keys(c.values))},
	} {
		for _, key := range table.keys {
			if !c.used[key] {
				return invalid("Value provided in %s unused in expressions: keys: {%s}", table.what, key)
			}
		}
	}
	return nil
}

func (c *condition) syntax() error {
	near := "<EOF>"
	if len(c.tokens) > 0 {
		near = c.tokens[0]
	}
	return invalid(`Invalid ConditionExpression: Syntax error; token: %q, near: %q`, near, strings.Join(c.tokens[:min(3, len(c.tokens))], " "))
}

// take takes a keyword or a sign, in any case of its letters.
func (c *condition) take(token string) bool {
	if len(c.tokens) == 0 || !strings.EqualFold(c.tokens[0], token) {
		return false
	}
	c.tokens = c.tokens[1:]
	return true
}

func (c *condition) or() (bool, error) {
	met, err := c.and()
	for err == nil && c.take("OR") {
		var also bool
		also, err = c.and()
		met = met || also
	}
	return met, err
}

func (c *condition) and() (bool, error) {
	met, err := c.not()
	for err == nil && c.take("AND") {
		var also bool
		also, err = c.not()
		met = met && also
	}
	return met, err
}

func (c *condition) not() (bool, error) {
	if c.take("NOT") {
		met, err := c.not()
		return !met, err
	}
	if c.take("(") {
		met, err := c.or()
		if err == nil && !c.take(")") {
			err = c.syntax()
		}
		return met, err
	}
	return c.term()
}

// term is a function or a comparison.
func (c *condition) term() (bool, error) {
	for _, function := range []string{"attribute_exists", "attribute_not_exists"} {
		if len(c.tokens) < 2 || c.tokens[0] != function || c.tokens[1] != "(" {
			continue
		}
		c.tokens = c.tokens[2:]
		_, there, err := c.operand()
		if err == nil && !c.take(")") {
			err = c.syntax()
		}
		return there == (function == "attribute_exists"), err
	}
	left, leftThere, err := c.operand()
	if err != nil {
		return false, err
	}
	differs := c.take("<>")
	if !differs && !c.take("=") {
		return false, c.syntax()
	}
	right, rightThere, err := c.operand()
	if err != nil {
		return false, err
	}
	// A comparison with an attribute that is not there is false, and its negation true.
	return (leftThere && rightThere && left.equals(right)) != differs, nil
}

// operand is a value, or the attribute that a name or a placeholder stands for, if the item has it.
func (c *condition) operand() (value tableValue, there bool, err error) {
	if len(c.tokens) == 0 {
		return tableValue{}, false, c.syntax()
	}
	token := c.tokens[0]
	switch {
	case strings.HasPrefix(token, ":"):
		if value, there = c.values[token]; !there {
			return tableValue{}, false, invalid("Invalid ConditionExpression: An expression attribute value used in expression is not defined; attribute value: %s", token)
		}
	case strings.HasPrefix(token, "#"):
		name, defined := c.names[token]
		if !defined {
			return tableValue{}, false, invalid("Invalid ConditionExpression: An expression attribute name used in the document path is not defined; attribute name: %s", token)
		}
		value, there = c.item[name]
	case slices.Contains(reservedWords, strings.ToUpper(token)):
		return tableValue{}, false, invalid("Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: %s", token)
	case conditionName.MatchString(token):
		value, there = c.item[token]
	default:
		return tableValue{}, false, c.syntax()
	}
	c.used[token] = true
	c.tokens = c.tokens[1:]
	return value, there, nil
}
