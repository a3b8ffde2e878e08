"""The dashboard *Fleet*: is it all right, when will it be done, what fails, and are the slots used."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from grafana import slots, work
from grafana.panels import Levels, figure, frame
from grafana.variables import KINDS, LANES, PROCESS, common_variables, lane_variable, mark_events, taken_once, throttled

__all__ = ["dashboard"]

_ENDED: Final = 'state=~"verified|discarded|cancelled"'
_ALARMING: Final[Levels] = ((None, "green"), (1, "orange"))
_WRONG: Final[Levels] = ((None, "green"), (1, "red"))

_JOBS: Final = taken_once("fleet_jobs", KINDS, "kind", "state")


def dashboard() -> Dashboard:
    """The whole dashboard, top to bottom."""
    about = "The state of the work: progress, time left, failures, verdicts, slots. The causes are in Fleet internals."
    builder = frame("Fleet", "fleet", about, (*common_variables(), lane_variable()))
    mark_events(builder)
    _answer(builder)
    work.add(builder)
    slots.add(builder)
    return builder


def _answer(builder: Dashboard) -> None:
    builder.with_row(Row("Is it all right?"))
    _progress(builder)
    _capacity(builder)
    builder.with_panel(
        figure(
            "Instances up",
            "Processes of fleet that answered the last scrape. None: see the runbook.",
            (f"sum(up{{{PROCESS}}})", ""),
            levels=((None, "red"), (1, "green")),
            none="0",
            alert="FleetDown",
        )
    )
    builder.with_panel(
        figure(
            "Alerts firing",
            "Alerts of fleet that fire now; each has a section in Fleet runbook. Needs fleet's rules in Prometheus.",
            ('count(ALERTS{alertname=~"Fleet.*",alertstate="firing"})', ""),
            levels=_WRONG,
            none="0",
        )
    )
    builder.with_panel(
        figure(
            "Rejected manifest lines",
            "Lines that no job was made of; `fleet report` names each with its reason.",
            (f"sum(max by (job) (fleet_manifest_rejected_lines{{{PROCESS}}}))", ""),
            levels=_ALARMING,
        )
    )
    builder.with_panel(
        figure(
            "Oldest job by state",
            "How long the oldest job has been in its state. Pending may be days; submitting and finished are minutes.",
            (
                f'max by (state) (fleet_oldest_job_age_seconds{{state!~"verified|discarded|cancelled",{PROCESS}}})',
                "{{state}}",
            ),
            unit="s",
            width=12,
            none="no unfinished job",
            alert="FleetBacklogAgeHigh",
        )
    )


def _progress(builder: Dashboard) -> None:
    ended = taken_once("fleet_jobs", f"{_ENDED},{KINDS}", "kind", "state")
    discarded = taken_once("fleet_jobs", f'state="discarded",{KINDS}', "kind", "state")
    flawed = taken_once("fleet_job_verdicts", f'verdict!="complete",{KINDS}', "kind", "verdict")
    builder.with_panel(
        figure(
            "Progress",
            "Jobs that have ended (verified, discarded or cancelled) of all jobs in the ledger.",
            (f"sum({ended}) / (sum({_JOBS}) > 0)", ""),
            unit="percentunit",
            decimals=1,
            none="no jobs yet",
            alert="FleetNotMakingProgress",
        )
    )
    builder.with_panel(
        figure(
            "Time left",
            "Until all jobs have ended: at best, likely, and at worst, from the durations and sizes seen so far.",
            *(
                (f'max(fleet_eta_seconds{{bound="{bound}",{PROCESS}}}) > 0', bound)
                for bound in ("low", "likely", "high")
            ),
            unit="s",
            width=8,
            none="nothing left, or nothing to tell from yet",
        )
    )
    builder.with_panel(
        figure(
            "Jobs given up",
            "Jobs discarded with a reason. `fleet jobs --state discarded` shows why, `fleet retry` redoes them.",
            (f"sum({discarded})", ""),
            levels=_ALARMING,
            alert="FleetJobFailureRatioHigh",
        )
    )
    builder.with_panel(
        figure(
            "Outputs not complete",
            "Verified jobs of which documents failed or are not in the output, though AWS calls them COMPLETED.",
            (f"sum({flawed})", ""),
            levels=_ALARMING,
            alert="FleetPartialOutput",
        )
    )
    builder.with_panel(
        figure(
            "Throttled Starts",
            "Starts that AWS refused for their rate or for the slots, of all in the last 15 minutes.",
            (throttled('operation=~"Start.*",' + PROCESS, "15m"), ""),
            unit="percentunit",
            decimals=1,
            levels=((None, "green"), (0.1, "orange")),
            none="no Starts",
            alert="FleetThrottledPersistently",
        )
    )


def _capacity(builder: Dashboard) -> None:
    in_use, allowed, quota = (
        f"sum({taken_once(name, LANES, 'lane')})" for name in ("fleet_slots_in_use", "fleet_slots", "fleet_slots_quota")
    )
    builder.with_panel(
        figure(
            "Slots",
            "Active-job slots of all lanes: those our jobs hold, those fleet may use now, and the quota.",
            (in_use, "in use"),
            (allowed, "allowed"),
            (quota, "quota"),
            width=6,
        )
    )
    builder.with_panel(
        figure(
            "Slot utilisation",
            "Slots that our jobs hold, of the quota. Slots bound throughput; empty ones while jobs wait are lost time.",
            (f"{in_use} / ({quota} > 0)", ""),
            unit="percentunit",
        )
    )
    builder.with_panel(
        figure(
            "Jobs of other programs",
            "Active jobs that fleet did not start, in lanes where it has work; they take slots of the same quotas.",
            (f"sum({taken_once('fleet_foreign_jobs', LANES, 'lane')})", ""),
        )
    )
    builder.with_panel(
        figure(
            "Paused lanes",
            "Lanes whose Starts AWS refuses for a reason that is no single job's. `fleet status` gives the reason.",
            (f"sum({taken_once('fleet_lane_paused', LANES, 'lane')})", ""),
            width=3,
            levels=_WRONG,
            alert="FleetLanePaused",
        )
    )
    builder.with_panel(
        figure(
            "Stuck jobs",
            "Jobs that AWS has been running for longer than [track] stuck_after_s. Each holds a slot.",
            (f"sum({taken_once('fleet_stuck_jobs', LANES, 'lane')})", ""),
            width=3,
            levels=_ALARMING,
            alert="FleetStuckJobs",
        )
    )
    builder.with_panel(
        figure(
            "Duplicates",
            "AWS jobs beyond the first for one job of the ledger, in the time shown. Must stay 0.",
            (f"sum(increase(fleet_duplicates_detected_total{{{KINDS}}}[$__range]))", ""),
            decimals=0,
            levels=_WRONG,
            alert="FleetDuplicateDetected",
        )
    )
