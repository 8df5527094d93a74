"""The chart: what it renders is what Kubernetes takes, names what weir has, and asks for no more than is needed."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tests.infra.charts import CHART, NAMESPACE, VALUES, environment, helm_template, of_kind, one, pods, rendered, rendered_text, tool
from tests.support.processes import ROOT
from weir.cli import COMMANDS
from weir.settings.catalogue import SECRETS, Settings

SETS = [path.stem for path in VALUES]
SECRET_FILES = {f"WEIR_{name.upper()}_FILE" for name in SECRETS}
NAMES = {f"WEIR_{field.upper()}" for field in Settings.model_fields} | SECRET_FILES
SERVERS = ("--set=kafka.bootstrap=kafka:9092", "--set=clickhouse.existingSecret.name=weir")
READ = {"get", "list", "watch"}
CONTENTS = {
    "WEIR_CLICKHOUSE_URL_FILE": "clickhouse://weir@host/weir",
    "WEIR_CLICKHOUSE_READ_URL_FILE": "clickhouse://reader@host/weir",
    "WEIR_KAFKA_SASL_PASSWORD_FILE": "a password",
    "WEIR_SCHEMA_REGISTRY_URL_FILE": "http://registry:8081",
    "WEIR_ALERTMANAGER_URL_FILE": "http://alertmanager:9093",
    "WEIR_WEBHOOK_URL_FILE": "https://hooks.example/weir",
    "WEIR_WEBHOOK_SECRET_FILE": "a key",
}


@pytest.mark.parametrize("values", SETS)
def test_kubernetes_own_schemas_take_every_object_and_know_every_field(values: str) -> None:
    places = [f"{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json" for folder in (tool("schemas"), ROOT / "infra" / "helm" / "custom")]
    command = [str(tool("kubeconform")), "-strict", "-summary", "-output=json", *(f"-schema-location={place}" for place in places)]
    done = subprocess.run(command, input=rendered_text(values), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["summary"] == {"valid": len(rendered(values)), "invalid": 0, "errors": 0, "skipped": 0}


def test_an_unknown_field_is_refused_by_these_schemas() -> None:
    """The other test would pass with schemas that take anything."""
    text = rendered_text("minimal").replace("podManagementPolicy:", "podManagmentPolicy:")
    place = f"{tool('schemas')}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    command = [str(tool("kubeconform")), "-strict", f"-schema-location={place}"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "podManagmentPolicy" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "kafka.bootstrap is empty: set it to Kafka's brokers"),
        (SERVERS[:1], "clickhouse.existingSecret.name and clickhouse.url are empty: name a Secret"),
        ((*SERVERS, "--set=worker.replica=3"), "additional properties 'replica' not allowed"),
        ((*SERVERS, "--set=image.tag=latest"), "at '/image/tag'"),
        ((*SERVERS, "--set=config.WEIR_CLICKHOUSE_URL=clickhouse://weir@host/weir"), "invalid propertyName 'WEIR_CLICKHOUSE_URL'"),
        ((*SERVERS, "--set=agent.config.WEIR_CLICKHOUSE_URL_FILE=/secret"), "invalid propertyName 'WEIR_CLICKHOUSE_URL_FILE'"),
        ((*SERVERS, "--set=kafka.securityProtocol=sasl_ssl"), "kafka.sasl names no user for it: set one of them"),
        ((*SERVERS, "--set=worker.autoscaling.enabled=true"), "worker.autoscaling.messagesPerSecond is 0"),
    ],
)
def test_what_is_missing_or_unknown_is_said_in_a_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    done = helm_template(*arguments)
    assert done.returncode != 0 and sentence in done.stderr


@pytest.mark.parametrize("values", SETS)
def test_every_part_has_settings_that_weir_accepts_and_runs_a_command_of_weirs(values: str) -> None:
    for part, pod in pods(values):
        given = environment(values, part)
        assert given.keys() <= NAMES
        plain = {name: value for name, value in given.items() if name not in SECRET_FILES}
        of_files = {name.removesuffix("_FILE"): CONTENTS[name] for name in given if name in SECRET_FILES}
        settings = Settings(**{name.removeprefix("WEIR_").lower(): value for name, value in (plain | of_files).items()})
        assert settings.kafka_bootstrap
        (container,) = pod["spec"]["containers"]
        assert container["args"][0] in COMMANDS
        assert all(name.isupper() for name in given)


@pytest.mark.parametrize("values", SETS)
def test_secrets_are_files_and_only_where_they_are_used(values: str) -> None:
    for part, pod in pods(values):
        assert not {f"WEIR_{name.upper()}" for name in SECRETS} & environment(values, part).keys()
        asks = {"WEIR_CLICKHOUSE_URL_FILE", "WEIR_CLICKHOUSE_READ_URL_FILE"} & environment(values, part).keys()
        assert len(asks) == (part in ("worker", "detector", "migrate", "console"))
        assert part == "console" or "WEIR_CLICKHOUSE_READ_URL_FILE" not in asks
        mounted = {mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]}
        for name, path in environment(values, part).items():
            if name in SECRET_FILES or name in ("WEIR_KAFKA_CA_FILE", "WEIR_CONSOLE_ACCESS", "WEIR_CONSOLE_VIEWS", "WEIR_MUTES_FILE"):
                assert str(Path(path).parent) in mounted


@pytest.mark.parametrize("values", SETS)
def test_volumes_are_declared_and_mounted_and_the_root_file_system_is_read_only(values: str) -> None:
    claims = {found["metadata"]["name"]: found["spec"].get("volumeClaimTemplates", []) for found in of_kind(values, "StatefulSet")}
    for part, pod in pods(values):
        (container,) = pod["spec"]["containers"]
        declared = {volume["name"] for volume in pod["spec"]["volumes"]}
        if part == "worker":
            declared |= {claim["metadata"]["name"] for each in claims.values() for claim in each}
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == declared and "tmp" in mounted
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize("values", SETS)
def test_everything_but_the_agent_is_restricted(values: str) -> None:
    """By Pod Security's `restricted`: https://kubernetes.io/docs/concepts/security/pod-security-standards/."""
    for part, pod in pods(values):
        if part == "agent":
            continue
        spec, (container,) = pod["spec"], pod["spec"]["containers"]
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"} & spec.keys()
        assert spec["securityContext"]["runAsNonRoot"] is True and spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        asked = container["securityContext"]
        assert asked == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        kinds = {kind for volume in spec["volumes"] for kind in volume if kind != "name"}
        assert kinds <= {"configMap", "emptyDir", "secret", "persistentVolumeClaim", "projected", "downwardAPI"}
        assert not any("hostPort" in port for port in container.get("ports", []))


def test_the_agent_has_the_capabilities_of_the_values_and_is_not_privileged() -> None:
    (container,) = dict(pods("minimal"))["agent"]["spec"]["containers"]
    assert container["securityContext"]["capabilities"] == {
        "drop": ["ALL"],
        "add": ["NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH"],
    }
    assert "privileged" not in container["securityContext"]
    said = re.search(r"# What an agent may do.*?\n  capabilities:", (CHART / "values.yaml").read_text(), re.DOTALL)
    assert said and all(f"{name}:" in said.group() for name in container["securityContext"]["capabilities"]["add"]), "each is said why"


def test_the_rights_are_what_agents_and_watchers_need_and_no_more() -> None:
    rights: dict[str, dict[str, set[str]]] = {}
    for found in of_kind("minimal", "ClusterRole", "Role"):
        name = f"{found['kind']} {found['metadata']['labels']['app.kubernetes.io/component']}"
        rights[name] = {
            ".".join(filter(None, (resource, group))): set(rule["verbs"])
            for rule in found["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
        }
    apps = ("replicasets.apps", "deployments.apps", "statefulsets.apps", "daemonsets.apps")
    watched = ("pods", "services", "nodes", "endpointslices.discovery.k8s.io", *apps, "jobs.batch", "cronjobs.batch")
    assert rights == {
        "ClusterRole agent": {"pods": {"list", "watch"}, "nodes": {"get"}, "replicasets.apps": {"get"}, "jobs.batch": {"get"}},
        "ClusterRole watcher": dict.fromkeys(watched, READ),
        "Role watcher": {"leases.coordination.k8s.io": {"get", "create", "update"}},
    }


def test_bindings_lead_from_accounts_that_exist_to_roles_that_exist() -> None:
    accounts = {found["metadata"]["name"] for found in of_kind("minimal", "ServiceAccount")}
    for found in of_kind("minimal", "ClusterRoleBinding", "RoleBinding"):
        (subject,) = found["subjects"]
        assert subject["name"] in accounts and subject["namespace"] == NAMESPACE
        assert one("minimal", found["roleRef"]["kind"], found["roleRef"]["name"])
    for part, pod in pods("minimal"):
        assert pod["spec"].get("automountServiceAccountToken", True) is (part in ("agent", "watcher"))
        assert pod["spec"].get("serviceAccountName", "default") in accounts | {"default"}


@pytest.mark.parametrize("values", SETS)
def test_parts_are_probed_and_scraped_where_they_listen(values: str) -> None:
    ports = set()
    for part, pod in pods(values):
        if part in ("topics", "migrate", "console"):
            continue
        (container,) = pod["spec"]["containers"]
        port = int(environment(values, part)["WEIR_METRICS_PORT"])
        assert container["ports"] == [{"name": "metrics", "containerPort": port}]
        for probe in ("readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["port"] == "metrics" and container[probe]["httpGet"]["path"].startswith("/health")
        if values != "everything":
            assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(port)
        ports.add(port)
    assert len(ports) == len({part for part, _ in pods(values)} - {"topics", "migrate", "console"}), "they may share an address"


@pytest.mark.parametrize("values", SETS)
def test_resources_are_set_and_images_have_a_version(values: str) -> None:
    for _, pod in pods(values):
        (container,) = pod["spec"]["containers"]
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys() and "memory" in container["resources"]["limits"]
        repository, _, tag = container["image"].rpartition(":")
        assert repository and tag and tag != "latest"


def test_images_are_those_that_the_build_makes() -> None:
    images = {pod["spec"]["containers"][0]["image"].partition(":")[0] for _, pod in pods("minimal")}
    targets = re.findall(r"^FROM scratch AS (\w+)$", (ROOT / "infra" / "docker" / "Dockerfile").read_text(), re.MULTILINE)
    assert images == {f"weir-{target}" for target in targets}
    assert dict(pods("trial"))["worker"]["spec"]["containers"][0]["image"] == "registry.example.com/team/weir-worker:9"


def test_the_chart_is_of_weirs_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert f'version = "{chart["appVersion"]}"' in (ROOT / "pyproject.toml").read_text()


def test_jobs_run_before_what_needs_them_with_settings_that_are_there_before_them() -> None:
    weights = {}
    for found in rendered("everything"):
        annotations = found["metadata"].get("annotations", {})
        if "helm.sh/hook" in annotations:
            assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade,pre-rollback"
            weights[found["kind"], found["metadata"]["name"]] = int(annotations["helm.sh/hook-weight"])
    assert weights["ConfigMap", "weir-jobs"] < weights["Job", "weir-topics"] < weights["Job", "weir-migrate"]
    for part in ("topics", "migrate"):
        pod = dict(pods("trial"))[part]["spec"]
        used = {source["configMapRef"]["name"] for source in pod["containers"][0]["envFrom"]}
        used |= {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
        assert used == {"flows-jobs"}, "nothing of the release itself is there yet"
    policies = [name for kind, name in weights if kind == "NetworkPolicy"]
    assert policies == ["weir-topics", "weir-migrate"]


def test_a_job_tries_again_while_a_server_is_away_and_not_where_a_setting_is_wrong() -> None:
    from weir.failures import FAILED, WRONG

    for job in of_kind("minimal", "Job"):
        (rule,) = job["spec"]["podFailurePolicy"]["rules"]
        assert rule == {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [WRONG]}} and FAILED != WRONG
        assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never", "a policy of failures takes no other"
        assert job["spec"]["activeDeadlineSeconds"] < 300, "helm gives up after five minutes, and would say less"


def test_a_change_of_settings_replaces_pods_and_a_change_of_size_does_not() -> None:
    def sums(*arguments: str) -> set[str]:
        return set(re.findall(r"checksum/settings: (\w+)", helm_template(*SERVERS, *arguments).stdout))

    assert len(sums()) == 1
    assert sums("--set=worker.replicas=3") == sums()
    assert sums("--set-string=config.WEIR_WINDOW_SECONDS=5") != sums()
    assert sums("--set=clickhouse.url=clickhouse://a@b/c", "--set=clickhouse.existingSecret.name=") != sums()


def test_a_worker_of_several_regions_has_a_volume_that_outlives_it() -> None:
    (claim,) = one("regions", "StatefulSet", "weir-worker")["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "5Gi" and claim["spec"]["storageClassName"] == "fast"
    assert "volumeClaimTemplates" not in one("minimal", "StatefulSet", "weir-worker")["spec"]
    assert environment("regions", "worker")["WEIR_STATE_DIR"] == "/var/lib/weir"


@pytest.mark.parametrize(
    ("arguments", "target"),
    [
        ((), "300"),  # 3 * 5 messages/s * (30 s + 10 s) / 2 workers
        (("targetLag=101",), "101"),
        (("targetLag=100",), None),
        (("targetLag=101", "minReplicas=1"), None),
        (("targetLag=201", "minReplicas=1"), "201"),
    ],
)
def test_the_lag_that_the_hold_makes_never_calls_for_more_workers(arguments: tuple[str, ...], target: str | None) -> None:
    scaling = [f"--set=worker.autoscaling.{each}" for each in ("enabled=true", "kind=hpa", "messagesPerSecond=5", *arguments)]
    done = helm_template(*SERVERS, *scaling, "--show-only=templates/autoscaling.yaml")
    if target is None:
        assert done.returncode != 0 and "5 messages/s * (30 s hold + 10 s window)" in done.stderr
        return
    (metric,) = yaml.safe_load(done.stdout)["spec"]["metrics"]
    assert metric["external"]["target"]["averageValue"] == target


def test_the_chart_reckons_with_weirs_own_hold_and_window() -> None:
    defaults = Settings()
    text = (CHART / "templates" / "autoscaling.yaml").read_text()
    assert f'"WEIR_HOLD_SECONDS" | default "{defaults.hold_seconds}"' in text
    assert f'"WEIR_WINDOW_SECONDS" | default "{defaults.window_seconds}"' in text
    (trigger,) = one("everything", "ScaledObject", "weir-worker")["spec"]["triggers"]
    assert trigger["metadata"]["lagThreshold"] == str(3 * 20 * (60 + 5) // 2)
    assert trigger["metadata"]["consumerGroup"] == defaults.group
    assert "replicas" not in one("everything", "StatefulSet", "weir-worker")["spec"]


def test_policies_let_in_who_asks_for_metrics_and_out_what_goes_to_servers() -> None:
    def ports(name: str, way: str) -> set[int]:
        return {port["port"] for rule in one("everything", "NetworkPolicy", f"weir-{name}")["spec"][way] for port in rule["ports"]}

    assert ports("worker", "ingress") == {9464} and ports("watcher", "ingress") == {9466}
    assert ports("worker", "egress") == {53, 9093, 9000, 9440}
    assert ports("watcher", "egress") == {53, 9093, 443, 6443}
    assert ports("detector", "ingress") == {9467} and ports("detector", "egress") == {53, 9093, 9000, 9440, 443}
    assert ports("topics", "egress") == {53, 9093}
    assert [found for found in of_kind("minimal", "NetworkPolicy") if "egress" in found["spec"]] == []


def test_a_console_without_a_login_is_for_those_who_may_forward_a_port() -> None:
    """The kubelet reaches a pod's loopback by no probe but a program of the pod's."""
    assert environment("minimal", "console")["WEIR_CONSOLE_LISTEN"] == Settings().console_listen
    (container,) = dict(pods("minimal"))["console"]["spec"]["containers"]
    assert "ports" not in container and "livenessProbe" not in container
    interpreter, _, program = container["readinessProbe"]["exec"]["command"]
    assert f'RUN ["{interpreter}"' in (ROOT / "infra" / "docker" / "Dockerfile").read_text()
    compile(program, "the probe", "exec")
    assert "http://127.0.0.1:8470/healthz" in program
    assert [found for found in of_kind("minimal", "Service") if found["metadata"]["name"] == "weir-console"] == []
    assert one("minimal", "NetworkPolicy", "weir-console")["spec"]["ingress"] == []


def test_a_console_with_a_login_has_a_service_and_is_asked_by_whom_the_values_say() -> None:
    given = environment("everything", "console")
    assert given["WEIR_CONSOLE_LISTEN"] == "0.0.0.0:8471" and given["WEIR_CONSOLE_ACCESS"] == "/etc/weir/console/access.toml"
    assert given["WEIR_CONSOLE_BASE_PATH"] == "/weir/"
    pod = dict(pods("everything"))["console"]
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert volumes["access"]["secret"]["items"] == [{"key": "who.toml", "path": "access.toml"}]
    assert volumes["clickhouse"]["secret"]["secretName"] == "weir-clickhouse-reader"
    assert volumes["state"]["persistentVolumeClaim"] == {"claimName": "weir-views"}
    (container,) = pod["spec"]["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": 8471}]
    assert {container[probe]["httpGet"]["path"] for probe in ("readinessProbe", "livenessProbe")} == {"/healthz"}
    service = one("everything", "Service", "weir-console")["spec"]
    assert service["ports"] == [{"name": "http", "port": 8471, "targetPort": "http"}]
    assert service["selector"].items() <= pod["metadata"]["labels"].items()
    policy = one("everything", "NetworkPolicy", "weir-console")["spec"]
    assert [rule["ports"][0]["port"] for rule in policy["ingress"]] == [8471] and "from" in policy["ingress"][0]
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 9000, 9440}


def test_the_console_is_where_the_tables_are() -> None:
    assert "console" not in dict(pods("counting"))
    assert [found for found in rendered("counting") if found["metadata"]["name"] == "weir-console"] == []


def test_alerts_are_of_metrics_that_weir_has() -> None:
    source = "".join(path.read_text() for folder in ("streams", "producers") for path in (ROOT / folder / "observe").glob("*.py"))
    for rule in one("everything", "PrometheusRule", "weir")["spec"]["groups"][0]["rules"]:
        (metric,) = set(re.findall(r"weir_\w+", rule["expr"]))
        assert f'"{metric.removesuffix("_total")}' in source


def test_the_page_of_values_is_the_values() -> None:
    done = subprocess.run(["python3", str(ROOT / "infra" / "helm" / "values_page.py")], capture_output=True, text=True, check=True)
    assert (ROOT / "docs" / "helm-values.md").read_text() == done.stdout, "run: python3 infra/helm/values_page.py > docs/helm-values.md"


@pytest.mark.parametrize("case", ["minimal", "everything"])
def test_watchers_overlap_by_more_than_a_window_when_they_are_replaced(case: str) -> None:
    watchers = one(case, "Deployment", "weir-watcher")["spec"]
    assert watchers["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    window_seconds = int(environment(case, "watcher").get("WEIR_WINDOW_SECONDS", "10"))
    assert watchers["minReadySeconds"] >= window_seconds + 10
