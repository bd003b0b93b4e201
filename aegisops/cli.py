"""The command line.

Exit codes: 0 done; 1 done, but the answer is no; 2 wrong usage; 3 the stack cannot run.
"""

import sys
import time
from pathlib import Path
from typing import Annotated, ClassVar

import httpx
import typer
from rich.console import Console
from rich.table import Table

from aegisops.deferred import Deferred, DeferringGroup
from aegisops.demo.report import conclude
from aegisops.demo.run import Demo
from aegisops.demo.screen import Screen, stopwatch
from aegisops.demo.watch import StackView
from aegisops.errors import DemoError, StackError
from aegisops.interruption import Interrupted, Interruption
from aegisops.settings import StackSettings, inherited_environment, load_settings
from aegisops.stack import Stack
from aegisops.stack.launcher import running_pid, stop_running
from aegisops.stack.layout import StackLayout, app_environment
from buggy_app.chaos import FAULTS, Chaos, ChaosError, parse_fault
from buggy_app.settings import SettingsError as AppSettingsError
from buggy_app.state_directory import StateDirectoryError


class _Commands(DeferringGroup):
    deferred: ClassVar = {
        "bench": Deferred(
            "aegisops.bench.command:bench_app", "Measures the product; figures beside their goals."
        ),
        "incidents": Deferred(
            "aegisops.incidents:incidents_app", "Shows incidents, and answers what waits for a human."
        ),
        "audit": Deferred("aegisops.audit:audit_app", "Looks after the responder's audit trail."),
        "runbook": Deferred("aegisops.runbook:runbook_app", "Shows what was learned, and exchanges it."),
        "feedback": Deferred(
            "aegisops.runbook:feedback_app",
            "Says whether what was done in an ended incident was right; the runbook learns from it.",
        ),
        "notify": Deferred("aegisops.notify:notify_app", "Looks after the responder's notifications."),
        "token": Deferred("aegisops.token:token_app", "Makes the tokens that the responder's API asks for."),
    }


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=True,
    help="Watches services through OpenTelemetry and heals them.",
)
chaos_app = typer.Typer(no_args_is_help=True, help="Breaks the buggy app of the running stack, for real.")
app.add_typer(chaos_app, name="chaos")

EXIT_ANSWER_NO = 1
EXIT_USAGE = 2
EXIT_CANNOT_RUN = 3

console = Console(highlight=False)
error_console = Console(stderr=True, highlight=False, soft_wrap=True)


@app.command()
def up() -> None:
    """Starts the local stack and keeps it up until interrupted."""
    settings = load_settings()
    stack = Stack(settings, settings.state_dir / "up")
    interruption = Interruption()
    with interruption.held(), stack:
        _start(stack, fresh=False)
        try:
            with interruption.obeyed():
                _wait_ready(stack)
                console.print(_addresses(settings))
                console.print(_way_in(settings), soft_wrap=True)
                console.print("Inject a fault: aegisops chaos inject cpu_spike     Stop: Ctrl-C")
                while stack.alive():
                    time.sleep(0.5)
        except Interrupted:
            console.print("stopping")
        else:
            raise StackError(f"the process manager ended by itself; see the logs in {stack.layout.logs}")


@app.command()
def down() -> None:
    """Stops a stack that was left running."""
    settings = load_settings()
    layouts = [StackLayout((settings.state_dir / name).absolute()) for name in ("up", "demo")]
    stopped = [pid for layout in layouts if (pid := stop_running(layout)) is not None]
    console.print(f"stopped process {', '.join(map(str, stopped))}" if stopped else "no stack runs here")


@app.command()
def demo(
    report: Annotated[Path, typer.Option(help="Where the report is written.")] = Path("demo-report.json"),
    fault: Annotated[list[str] | None, typer.Option(help="Only this fault; may be given again.")] = None,
) -> None:
    """Starts the stack, injects each fault in turn, and shows it detected, healed and verified."""
    faults = [parse_fault(name).value for name in fault] if fault else list(FAULTS)
    settings = load_settings()
    _refuse_unwritable(report)
    started = time.monotonic()
    screen = Screen(console)
    stack = Stack(settings, settings.state_dir / "demo")
    interruption = Interruption()
    with interruption.held(), stack, httpx.Client(timeout=5.0, trust_env=False) as http:
        _start(stack, fresh=True)
        with interruption.obeyed():
            _wait_ready(stack)
            screen.say("warming up: the detector learns what is normal")
            run = Demo(StackView(settings, http), _chaos_in(settings, stack.layout), screen)
            run.warm_up()
            screen.say(f"warm after {stopwatch(started)}")
            results = run.run(faults)
    outcome = conclude(results, expected=len(faults))
    outcome.write(report)
    screen.table(outcome.faults)
    screen.say(f"{stopwatch(started)} in all; report in {report}")
    if not outcome.ok:
        for one in outcome.faults:
            if one.problem is not None:
                error_console.print(f"{one.fault}: {one.problem}", style="red")
        raise typer.Exit(EXIT_ANSWER_NO)


FaultName = Annotated[str, typer.Argument(help="One of the six faults; see `aegisops chaos status`.")]


@chaos_app.command()
def inject(
    fault: FaultName,
    strength: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="1 shows at once, less is slower.")
    ] = 1.0,
    variant: Annotated[str | None, typer.Option(help="A variant of the fault, such as surge.")] = None,
) -> None:
    """Makes one fault begin."""
    order = _running_chaos(fault).inject(fault, strength=strength, variant=variant)
    console.print(f"{order.fault} injected ({order.variant}, strength {order.strength:g})")


@chaos_app.command()
def clear(fault: FaultName) -> None:
    """Takes one fault back, as far as chaos can."""
    _running_chaos(fault).clear(fault)
    console.print(f"{fault} cleared")


@chaos_app.command()
def status() -> None:
    """Shows which faults are active."""
    table = Table("fault", "active", "strength", "variant")
    for one in _running_chaos().status():
        table.add_row(
            one.fault,
            "yes" if one.active else "no",
            "" if one.strength is None else f"{one.strength:g}",
            one.variant or "",
        )
    console.print(table)


@chaos_app.command("all")
def every(
    pause: Annotated[float, typer.Option(min=1.0, help="Seconds from one fault to the next.")] = 45.0,
) -> None:
    """Injects every fault, one after another, clearing each before the next."""
    chaos = _running_chaos()
    for fault in FAULTS:
        console.print(f"{fault} injected")
        chaos.inject(fault)
        try:
            time.sleep(pause)
        finally:
            chaos.clear(fault)


def main() -> None:
    """Entry point: known problems become one line and an exit code, never a traceback."""
    try:
        app()
    except ChaosError as error:
        error_console.print(f"error: {error}", style="red", markup=False)
        sys.exit(EXIT_USAGE)
    except (StackError, DemoError, AppSettingsError, StateDirectoryError) as error:
        error_console.print(f"error: {error}", style="red", markup=False)
        sys.exit(EXIT_CANNOT_RUN)


def _start(stack: Stack, *, fresh: bool) -> None:
    collector = stack.settings.collector
    if collector is None:
        console.print("starting detector, responder and buggy_app, which exports straight to the detector")
        console.print("(no Collector: `make collector` builds one)", style="dim")
    else:
        console.print("starting Collector, detector, responder and buggy_app")
        console.print(f"(the Collector is {collector.binary})", style="dim", soft_wrap=True)
    stack.start(fresh=fresh)


def _wait_ready(stack: Stack) -> None:
    stack.wait_ready(lambda name: console.print(f"  {name} is ready"))


def _running_chaos(fault: str | None = None) -> Chaos:
    """Chaos for the stack that runs; a wrong fault name is said before a missing stack."""
    if fault is not None:
        parse_fault(fault)
    settings = load_settings()
    for name in ("up", "demo"):
        layout = StackLayout((settings.state_dir / name).absolute())
        if running_pid(layout) is not None:
            return _chaos_in(settings, layout)
    raise StackError(
        f"no stack runs in {settings.state_dir.absolute()}: start one with `aegisops up`, "
        "or set AEGISOPS_STATE_DIR"
    )


def _refuse_unwritable(report: Path) -> None:
    """Minutes of work must not end at a file that cannot be written."""
    try:
        with report.open("ab"):
            pass
    except OSError as error:
        raise DemoError(
            f"cannot write {report} ({error.strerror}); name another place with --report"
        ) from None


def _chaos_in(settings: StackSettings, layout: StackLayout) -> Chaos:
    return Chaos.from_environment(inherited_environment() | app_environment(settings, layout))


def _addresses(settings: StackSettings) -> Table:
    table = Table.grid(padding=(0, 2))
    for what, address in (
        ("buggy_app", settings.app_url),
        ("detector", f"{settings.detector_url}/docs"),
        ("responder", f"{settings.responder_url}/docs"),
        ("logs", str((settings.state_dir / "up" / "logs").absolute())),
    ):
        table.add_row(what, address)
    if settings.collector is not None:
        table.add_row("for Prometheus", f"http://127.0.0.1:{settings.collector_prometheus_port}/metrics")
    return table


def _way_in(settings: StackSettings) -> str:
    """How telemetry flows, and what a service of one's own needs to be watched."""
    by_grpc, by_http = settings.otlp_endpoint, settings.otlp_http_endpoint
    receivers = "detector" if settings.collector is None else "Collector"
    onwards = "" if settings.collector is None else " → detector"
    return (
        f"Telemetry: services → {receivers} ({by_grpc} gRPC, {by_http} HTTP){onwards}\n"
        f"Watch your own service: OTEL_SERVICE_NAME=NAME "
        f"OTEL_EXPORTER_OTLP_ENDPOINT={by_http} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
    )
