//go:build unix

package ways

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// jenkins is the steps of a pipeline that the Jenkinsfile uses, for groovy: stages are
// printed, sh is run, error ends the build with 1.
const jenkins = `
class Failed extends RuntimeException { Failed(String why) { super(why) } }
def env = []
def shell = { Map args ->
    def script = File.createTempFile('step', '.sh', new File(System.getenv('WORK')))
    script.text = args.script.startsWith('#!') ? args.script : '#!/bin/sh -xe\n' + args.script
    def set = System.getenv().collect { k, v -> k + '=' + v } + env
    def process = ['bash', '-c', 'f=$1; i=$(head -n1 "$f"); exec ${i#??} "$f"', 'sh', script.path].execute(set, new File(System.getenv('WORK')))
    def out = new StringBuilder(), err = new StringBuilder()
    process.waitForProcessOutput(out, err)
    print out
    if (args.returnStdout) return out.toString()
    if (args.returnStatus) return process.exitValue()
    if (process.exitValue() != 0) throw new Failed('script returned exit code ' + process.exitValue())
}
def binding = new Binding(
    params: [HOSTS: System.getenv('HOSTS'), UPGRADE: System.getenv('UPGRADE'), UPGRADE_OK: '0 213', PAUSE: '0'],
    properties: { it }, parameters: { it }, string: { Map it -> it }, disableConcurrentBuilds: { -> },
    node: { Closure body -> body() },
    stage: { String name, Closure body -> println "stage ${name}"; body() },
    error: { String why -> throw new Failed(why) },
    sleep: { Map it -> println "sleep ${it}" },
    withEnv: { List set, Closure body -> env = set.collect { it.toString() }; try { return body() } finally { env = [] } },
    sh: shell,
)
try {
    new GroovyShell(binding).evaluate(new File(System.getenv('JENKINSFILE')))
} catch (Failed e) {
    println "ERROR: ${e.message}"
    System.exit(1)
}
`

// pipeline returns a build of the shipped Jenkinsfile, with an ssh of the test's.
func pipeline(t *testing.T, ssh string) func(hosts []string, upgrade string) result {
	t.Helper()
	if !*rollouts {
		t.Skip("builds are done by make ways")
	}
	need(t, "groovy", "java", "bash")
	s := &stage{T: t, dir: t.TempDir()}
	s.write(s.dir+"/jenkins.groovy", jenkins)
	s.write(s.dir+"/operator/ssh", ssh)
	s.write(s.dir+"/work/.keep", "")
	file, err := filepath.Abs(scripts + "/jenkins/Jenkinsfile")
	if err != nil {
		t.Fatal(err)
	}
	java, err := exec.LookPath("java")
	if err == nil {
		java, err = filepath.EvalSymlinks(java)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func(hosts []string, upgrade string) result {
		t.Helper()
		return s.run(s.own(map[string]string{
			"JAVA_HOME": filepath.Dir(filepath.Dir(java)),
			"PATH":      s.dir + "/operator:/usr/bin:/bin", "WORK": s.dir + "/work", "JENKINSFILE": file,
			"HOSTS": strings.Join(hosts, " "), "UPGRADE": upgrade,
		}), "groovy", s.dir+"/jenkins.groovy")
	}
}

func TestJenkins(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	build := pipeline(t, "#!/bin/sh\nexec /usr/bin/ssh -F "+s.reach()+" \"$@\"\n")

	fix := s.breakUpgrade(s.hosts[1])
	s.exits(build(s.hosts, "sudo upgrade v2"), 1,
		"ERROR: "+s.hosts[1]+": sudo upgrade v2 exited 17, the host is left out of service; fix it, then build again: upgrade: no such package")
	s.expect("v2 InService", "v1 Standby", "v1 InService")
	s.moved(1, 2)

	fix()
	s.exits(build(s.hosts, "sudo upgrade v3"), 0, "stage "+s.hosts[1]+"\n")
	s.expect("v3 InService", "v3 InService", "v3 InService")
	s.moved(1, 2, 1, 3)
}

// TestJenkinsRetries gives a host that answers balanced out with one code after the
// other, the last one for ever.
func TestJenkinsRetries(t *testing.T) {
	for _, c := range []struct {
		codes string
		calls int // of balanced out
		ended int
		says  string
	}{
		{"0", 1, 0, "stage web-1"},
		{"75 69 75 0", 4, 0, "stage web-1"},
		{"75", 4, 1, "ERROR: web-1: sudo balanced out exited 75: said 75"},
		{"69 75 69 69", 4, 1, "ERROR: web-1: sudo balanced out exited 69: said 69"},
		{"84 0", 2, 0, "stage web-1"},
		{"82 0", 2, 0, "stage web-1"},
		{"82", 2, 1, "ERROR: web-1: sudo balanced out exited 82: said 82"},
		{"78", 1, 1, "ERROR: web-1: sudo balanced out exited 78: said 78"},
		{"255", 1, 1, "ERROR: web-1: sudo balanced out exited 255: said 255"},
	} {
		t.Run(c.codes, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			r := pipeline(t, fmt.Sprintf(`#!/bin/sh
for command; do :; done
case $command in *out) ;; *) exit 0 ;; esac
echo out >>%[1]s/calls
n=$(wc -l <%[1]s/calls)
set -- %[2]s
[ "$n" -le $# ] || n=$#
shift $((n-1))
echo "said $1" >&2
exit "$1"
`, dir, c.codes))([]string{"web-1"}, "upgrade")
			calls := strings.Count((&stage{T: t}).read(dir+"/calls"), "out")
			if calls != c.calls || r.code != c.ended || !strings.Contains(r.stdout, c.says) {
				t.Errorf("%d calls, exit %d; want %d calls, exit %d and %q:\n%s", calls, r.code, c.calls, c.ended, c.says, r.output())
			}
		})
	}
}
