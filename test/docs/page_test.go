package docs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// root is the root of the repository, relative to this folder.
const root = "../.."

// page is one Markdown file.
type page struct {
	name     string // path from the root, with slashes
	blocks   []block
	links    []link
	headings map[string]bool // the anchors that web pages derive from headings
}

// block is a fenced block of code.
type block struct {
	place    string // file and line, for error texts
	language string
	text     string
	kind     directive
	value    string // the text after the kind in the comment
}

// link is a reference to another place.
type link struct {
	place, target string
}

// directive says how a block is checked.
type directive string

const (
	plain   directive = ""
	until   directive = "until"
	serve   directive = "serve"
	publish directive = "publish"
	shows   directive = "shows"
	file    directive = "file"
	notRun  directive = "not run"
)

// allowed lists the directives of each language.
func allowed(language string) []directive {
	switch language {
	case "sh":
		return []directive{plain, until, serve, file, notRun}
	case "json":
		return []directive{publish, shows, file, notRun}
	case "yaml", "ini":
		return []directive{file, notRun}
	case "text":
		return []directive{plain}
	default:
		return nil
	}
}

// pageNames lists the pages for readers.
func pageNames(t *testing.T) []string {
	t.Helper()
	names := []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".md") {
			name, _ := filepath.Rel(root, path) // cannot fail: both are below root
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// readPage reads a page and reports problems of its blocks.
func readPage(t *testing.T, name string) *page {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	p, problems := parsePage(name, source)
	for _, problem := range problems {
		t.Error(problem)
	}
	return p
}

// parsePage parses a page.
func parsePage(name string, source []byte) (*page, []string) {
	p := &page{name: name, headings: map[string]bool{}}
	var problems []string
	markdown := goldmark.New(goldmark.WithExtensions(extension.GFM))
	line := func(n ast.Node) string {
		for c := n; c != nil; c = c.Parent() {
			if c.Type() == ast.TypeBlock && c.Lines().Len() > 0 {
				return fmt.Sprintf("%s:%d", name, 1+bytes.Count(source[:c.Lines().At(0).Start], []byte("\n")))
			}
		}
		return name
	}
	visit := func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			p.heading(string(n.Lines().Value(source)))
		case *ast.Link:
			p.links = append(p.links, link{line(n), string(n.Destination)})
		case *ast.Image:
			p.links = append(p.links, link{line(n), string(n.Destination)})
		case *ast.HTMLBlock:
			// Pictures for light and dark mode are HTML.
			for _, m := range regexp.MustCompile(`(?:src|srcset|href)="([^"]+)"`).FindAllSubmatch(n.Lines().Value(source), -1) {
				p.links = append(p.links, link{line(n), string(m[1])})
			}
		case *ast.CodeBlock:
			problems = append(problems, line(n)+": an indented block has no language; fence it")
		case *ast.FencedCodeBlock:
			b := block{place: line(n), language: string(n.Language(source)), text: string(n.Lines().Value(source))}
			if comment, ok := n.PreviousSibling().(*ast.HTMLBlock); ok {
				html := string(comment.Lines().Value(source))
				if comment.HasClosure() {
					html += string(comment.ClosureLine.Value(source))
				}
				if err := b.direct(html); err != nil {
					problems = append(problems, fmt.Sprintf("%s: %v", b.place, err))
				}
			}
			if err := b.check(); err != nil {
				problems = append(problems, fmt.Sprintf("%s: %v", b.place, err))
			}
			p.blocks = append(p.blocks, b)
		}
		return ast.WalkContinue, nil
	}
	if err := ast.Walk(markdown.Parser().Parse(text.NewReader(source)), visit); err != nil {
		problems = append(problems, fmt.Sprintf("%s: %v", name, err))
	}
	return p, problems
}

// heading records the anchor that GitHub derives from a heading: lower case,
// without punctuation, and numbered if there is another one like it.
func (p *page) heading(title string) {
	title = regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`).ReplaceAllString(title, "$1") // the text of a link
	anchor := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		case r == ' ':
			return '-'
		default:
			return -1
		}
	}, title)
	unique := anchor
	for n := 1; p.headings[unique]; n++ {
		unique = fmt.Sprintf("%s-%d", anchor, n)
	}
	p.headings[unique] = true
}

// direct reads the directive from the comment before the block. Other comments
// and HTML do not affect the block.
func (b *block) direct(html string) error {
	content, ok := strings.CutPrefix(strings.TrimSpace(html), "<!--")
	if !ok {
		return nil
	}
	content, ok = strings.CutSuffix(content, "-->")
	kind, value, found := strings.Cut(strings.TrimSpace(content), ":")
	if !ok || !found {
		return fmt.Errorf("expected a comment such as <!-- until: REGEXP -->, got %q", html)
	}
	b.kind, b.value = directive(kind), strings.TrimSpace(value)
	return nil
}

// check finds problems of a block before anything runs.
func (b *block) check() error {
	kinds := allowed(b.language)
	switch {
	case kinds == nil:
		return fmt.Errorf("expected a block of the language sh, json, yaml, ini or text, got %q", b.language)
	case !slices.Contains(kinds, b.kind):
		return fmt.Errorf("a block of %s can be %q, got %q: a comment before it must say how it is checked", b.language, kinds, b.kind)
	case b.kind != plain && b.value == "":
		return fmt.Errorf("%s: expected a value after the colon, got none", b.kind)
	case b.language == "json" && !json.Valid([]byte(b.text)):
		return fmt.Errorf("expected JSON, got %s", b.text)
	}
	return nil
}

// TestDirectives: a block that cannot be checked is an error and is not
// skipped.
func TestDirectives(t *testing.T) {
	t.Parallel()
	const fence = "```"
	for _, tt := range []struct{ page, problem string }{
		{fence + "sh\ntrue\n" + fence, ""},
		{fence + "text\nx\n" + fence, ""},
		{"<!-- until: on -->\n" + fence + "sh\ntrue\n" + fence, ""},
		{"<!-- publish: a/b error bad_value -->\n\n" + fence + "json\n{}\n" + fence, ""},
		{"<!-- not run: needs sudo -->\n" + fence + "sh\nsudo x\n" + fence, ""},
		{"- a list\n\n  <!-- not run: x -->\n  " + fence + "json\n  1\n  " + fence, ""},
		{fence + "json\n{}\n" + fence, "must say how it is checked"},
		{fence + "yaml\na: b\n" + fence, "must say how it is checked"},
		{fence + "\nx\n" + fence, "language"},
		{fence + "bash\nx\n" + fence, "language"},
		{"text\n\n    indented\n", "fence it"},
		{"<!-- not run: -->\n" + fence + "sh\nx\n" + fence, "after the colon"},
		{"<!-- not run -->\n" + fence + "sh\nx\n" + fence, "a comment such as"},
		{"<!-- skip: x -->\n" + fence + "sh\nx\n" + fence, `got "skip"`},
		{"<!-- not run: x -->\n\nwords between\n\n" + fence + "json\n{}\n" + fence, "must say how it is checked"},
		{"<!-- shows: a -->\n" + fence + "json\n{…}\n" + fence, "expected JSON"},
	} {
		_, problems := parsePage("page.md", []byte(tt.page))
		switch got := strings.Join(problems, "\n"); {
		case tt.problem == "" && got != "":
			t.Errorf("%q: expected no problem, got %s", tt.page, got)
		case !strings.Contains(got, tt.problem):
			t.Errorf("%q: expected a problem with %q, got %q", tt.page, tt.problem, got)
		}
	}
}

// TestLinks follows the links of the pages to files and headings.
func TestLinks(t *testing.T) {
	t.Parallel()
	pages := map[string]*page{}
	for _, name := range pageNames(t) {
		pages[name] = readPage(t, name)
	}
	count := 0
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		for _, l := range pages[name].links {
			if strings.Contains(l.target, "://") || strings.HasPrefix(l.target, "mailto:") {
				continue
			}
			count++
			if problem := follow(pages, name, l.target); problem != "" {
				t.Errorf("%s: %s: %s", l.place, l.target, problem)
			}
		}
	}
	if count == 0 {
		t.Error("no link was followed")
	}
}

// follow describes the problem of a link of a page, or returns "" if it has none.
func follow(pages map[string]*page, from, target string) string {
	path, anchor, _ := strings.Cut(target, "#")
	to := from
	if path != "" {
		to = filepath.ToSlash(filepath.Join(filepath.Dir(filepath.FromSlash(from)), filepath.FromSlash(path)))
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(to))); err != nil {
			return "there is no such file"
		}
	}
	if p := pages[to]; p != nil && anchor != "" && !p.headings[anchor] {
		return "the page has no such heading"
	}
	return ""
}

// TestMessages: the messages in the page about troubles are messages of the
// program. Three dots match anything.
func TestMessages(t *testing.T) {
	t.Parallel()
	const name = "docs/troubleshooting.md"
	page, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	for _, folder := range []string{"bridge", "cmd", "config", "hci", "mesh"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			sources.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, rest, _ := strings.Cut(string(page), "| message |")
	table, _, _ := strings.Cut(rest, "\n\n")
	messages := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1)
	if len(messages) == 0 {
		t.Errorf("%s has no table of messages", name)
	}
	for _, m := range messages {
		for _, part := range strings.Split(m[1], "...") {
			if !strings.Contains(sources.String(), strings.TrimSpace(part)) {
				t.Errorf("%s: expected a message of the program with %q, found none", name, part)
			}
		}
	}
}

func TestAnchors(t *testing.T) {
	t.Parallel()
	p, _ := parsePage("page.md", []byte("# A `b/c_d`, e\n\n## A bc_d e\n\n## [Link](x.md) ä\n"))
	for _, want := range []string{"a-bc_d-e", "a-bc_d-e-1", "link-ä"} {
		if !p.headings[want] {
			t.Errorf("no anchor %s among %v", want, p.headings)
		}
	}
}
