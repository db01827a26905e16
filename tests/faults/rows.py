"""The faults to survive, and the tests of each.

`short` runs in `make test`, `long` in `make faults`. A row without tests says why.
"""

from dataclasses import dataclass

WORKERS = "tests/faults/test_long_workers.py::"
SERVICES = "tests/faults/test_long_services.py::"
CONNECTIONS = "tests/faults/test_long_connections.py::"
FILES = "tests/faults/test_long_files.py::"
SHORT = "tests/faults/test_short_forms.py::"
STORAGE = "tests/faults/test_short_storage.py::"
INTERRUPTIONS = "tests/e2e/test_interruptions.py::"
PREDICT = "tests/contract/test_predict.py::"
UNDER_LOAD = "tests/contract/test_predict_under_load.py::"
UPLOADS = "tests/contract/test_uploads.py::"
INGEST = "tests/unit/ingestion/test_ingest.py::"
JOBS = "tests/contract/test_jobs.py::"
FULL = "tests/contract/test_disk_full.py::"
FULL_DISK = "tests/e2e/test_disk_full.py::"
LARGE = "tests/e2e/test_large_uploads.py::"
BODY = "tests/unit/test_received_body.py::"
PROTOCOL = "tests/unit/processes/test_http_protocol.py::"
DAMAGED = "tests/contract/test_damaged_models.py::"
HEALTH = "tests/contract/test_health.py::"
IMAGE_MEMORY = "tests/faults/test_image_memory.py::"
DRAWINGS = "tests/contract/test_drawings.py::"
TIMEOUTS = "tests/unit/db/test_timeouts.py::"
LOCK = "tests/unit/test_folder_lock.py::"


@dataclass(frozen=True)
class Row:
    """A row, and the tests that show it; note says what they do not show."""

    id: str
    title: str
    short: tuple[str, ...] = ()
    long: tuple[str, ...] = ()
    note: str = ""


FAULTS = (
    Row(
        "1",
        "kill -9 of the worker in mid-epoch",
        (INTERRUPTIONS + "test_a_job_survives_the_death_of_its_worker",),
        (WORKERS + "test_kills_at_random_moments",),
    ),
    Row(
        "2",
        "kill -9 of the training child",
        (INTERRUPTIONS + "test_a_child_that_crashes_is_started_again",),
        (WORKERS + "test_kills_at_random_moments",),
    ),
    Row(
        "3",
        "a worker is frozen past its lease, then continues",
        (
            SHORT + "test_a_worker_that_was_frozen_writes_nothing_any_more",
            "tests/unit/tasks/test_leases.py::test_writes_under_an_expired_lease_are_rejected",
        ),
        (WORKERS + "test_a_frozen_worker",),
    ),
    Row(
        "4",
        "notifications are doubled",
        (SHORT + "test_extra_notifications_run_a_job_once",),
        (WORKERS + "test_extra_notifications",),
    ),
    Row(
        "5",
        "the broker is wiped",
        (SHORT + "test_workers_are_notified_again_after_the_broker_was_wiped",),
        (WORKERS + "test_a_wiped_broker", WORKERS + "test_a_deleted_broker_file"),
    ),
    Row(
        "6",
        "the broker is down for 60 s",
        (
            SHORT + "test_jobs_are_accepted_and_go_on_without_a_broker",
            "tests/contract/test_health.py::test_a_broker_that_is_down_only_delays_work",
        ),
        (WORKERS + "test_a_stopped_broker",),
    ),
    Row(
        "7",
        "connections to the broker are half-open",
        (SHORT + "test_a_frozen_broker_is_left_for_a_new_connection",),
        (WORKERS + "test_a_frozen_broker",),
    ),
    Row(
        "8",
        "PostgreSQL restarts under load",
        (SHORT + "test_nothing_acknowledged_is_lost_when_postgresql_restarts",),
        (SERVICES + "test_postgresql_restarts",),
    ),
    Row(
        "9",
        "the API and four workers write to SQLite at once",
        (STORAGE + "test_processes_that_write_to_sqlite_wait_for_each_other",),
        (SERVICES + "test_many_writers_of_sqlite",),
    ),
    Row(
        "10",
        "the disk is full during an upload",
        (
            FULL_DISK + "test_an_upload_waits_while_the_disk_is_full_and_goes_on",
            FULL + "test_an_upload_of_unknown_length_stops_at_the_floor",
            LARGE + "test_a_full_disk_is_told_and_the_rest_is_sent_once_there_is_space",
        ),
        (FILES + "test_a_disk_that_fills_during_uploads",),
        note="On a small tmpfs; skipped where it may not be mounted.",
    ),
    Row(
        "11",
        "the disk is full during a checkpoint",
        (FULL_DISK + "test_a_job_waits_while_the_disk_is_full_and_goes_on",),
        (FILES + "test_a_disk_that_fills_during_training",),
        note="On a small tmpfs; skipped where it may not be mounted. After each failure a job "
        "waits twice as long, up to a minute.",
    ),
    Row(
        "12",
        "kill -9 while a checkpoint is written",
        (STORAGE + "test_a_kill_in_checkpoint_writing_leaves_a_pointer_at_a_complete_file",),
        (SERVICES + "test_kills_in_checkpoint_writing",),
    ),
    Row(
        "13",
        "the wall clock is moved by an hour",
        (SHORT + "test_a_clock_that_is_moved_expires_no_lease",),
        (WORKERS + "test_a_moved_clock",),
        "Skipped where libfaketime is not installed. The worker's own process has the moved clock; "
        "its children do not inherit it.",
    ),
    Row(
        "14",
        "a job crashes at every attempt",
        (SHORT + "test_a_job_that_always_crashes_fails_and_the_next_one_runs",),
        (WORKERS + "test_a_job_that_always_crashes",),
        "Lack of memory is the SIGKILL that the kernel sends; no test fills the memory.",
    ),
    Row(
        "15",
        "CUDA is out of memory",
        (
            (
                "tests/faults/test_gpu_memory.py::"
                "test_a_full_gpu_names_a_batch_size_that_fits_and_the_next_job_runs"
            ),
        ),
        ("tests/faults/test_gpu_memory.py::test_the_next_job_runs_after_a_full_gpu",),
        "Without a GPU: the error is raised in a real child, and what follows is the real code.",
    ),
    Row(
        "16",
        "a child is alive without progress",
        ("tests/unit/worker/test_supervisor.py::test_a_silent_child_is_killed_and_its_job_fails",),
        (WORKERS + "test_a_child_without_progress",),
    ),
    Row(
        "17",
        "SIGTERM of a worker",
        (INTERRUPTIONS + "test_a_worker_that_is_asked_to_end_gives_its_job_back",),
        (WORKERS + "test_drained_workers",),
        "The job goes on from its last committed epoch; the epoch in training is trained again.",
    ),
    Row(
        "18",
        "the API is killed between commit and reply",
        (
            SHORT + "test_a_repeated_request_makes_no_second_job_after_the_api_was_killed",
            JOBS + "test_the_same_key_returns_the_same_job",
        ),
        (
            SERVICES + "test_api_killed_before_its_reply",
            SERVICES + "test_api_killed_between_commit_and_reply",
        ),
    ),
    Row(
        "19",
        "500 slow clients",
        (
            BODY + "test_a_trickle_counts_as_silence",
            BODY + "test_a_body_has_a_deadline",
            PROTOCOL + "test_the_oldest_waiting_connection_makes_room_for_a_new_one",
        ),
        (CONNECTIONS + "test_slow_clients",),
        note="Bodies that come while 256 images are expected are refused at once.",
    ),
    Row(
        "20",
        "10,000 predictions at once",
        (
            UNDER_LOAD + "test_a_full_queue_returns_503_with_retry_after",
            UNDER_LOAD + "test_a_full_queue_is_noticed_before_the_request_is_prepared",
        ),
        (CONNECTIONS + "test_many_predictions_at_once",),
        "900 connections at a time, because a process of the API holds 1,000.",
    ),
    Row(
        "21",
        "more models than the cache holds",
        (
            UNDER_LOAD + "test_models_evict_each_other",
            "tests/unit/predictions/test_model_cache.py::test_twenty_threads_load_a_model_once",
            "tests/unit/predictions/test_model_cache.py::test_models_in_use_are_never_evicted",
        ),
        (SERVICES + "test_more_models_than_the_cache_holds",),
    ),
    Row(
        "22",
        "a dataset or model in use is deleted",
        (
            SHORT + "test_deletions_of_what_is_used_are_done_or_refused",
            (
                "tests/unit/models/test_races.py::"
                "test_concurrent_deletions_and_promotions_leave_no_dangling_alias"
            ),
        ),
        (SERVICES + "test_deletions_of_what_is_used",),
    ),
    Row(
        "23",
        "a cancellation races the end of a job",
        (STORAGE + "test_a_cancellation_that_races_the_end_leaves_one_state",),
        (SERVICES + "test_cancel_races_finish",),
        "Both sides run in threads of one process, on the real database.",
    ),
    Row(
        "24",
        "kill -9 during extraction",
        (
            SHORT + "test_a_dataset_is_unpacked_although_its_process_is_killed",
            INGEST + "test_an_interrupted_ingestion_is_completed",
        ),
        (SERVICES + "test_kills_in_extraction",),
    ),
    Row(
        "25",
        "one worker loses the network to the database",
        (
            SHORT + "test_a_worker_without_a_database_stops_its_child_before_its_lease_ends",
            (
                "tests/unit/worker/test_supervisor.py::"
                "test_without_a_database_the_child_is_stopped_and_the_lease_left_to_the_reaper"
            ),
        ),
        (WORKERS + "test_a_worker_without_its_database",),
    ),
    Row(
        "26",
        "a served checkpoint is altered, truncated or deleted",
        (
            DAMAGED + "test_a_running_service_goes_on_and_a_restarted_one_refuses",
            DAMAGED + "test_an_export_of_a_damaged_version_is_refused",
            PREDICT + "test_an_altered_file_that_still_loads_is_refused",
            HEALTH + "test_a_chosen_model_that_is_broken_degrades_until_one_answers",
        ),
        (FILES + "test_damaged_models",),
    ),
    Row(
        "27",
        "the data folder is full for a minute",
        (
            FULL_DISK + "test_without_a_byte_the_database_is_read_and_datasets_are_deleted",
            FULL_DISK + "test_a_job_waits_while_the_disk_is_full_and_goes_on",
            FULL + "test_below_the_floor_nothing_new_is_accepted_and_then_it_is",
            FULL + "test_every_post_route_refuses_or_needs_no_space",
        ),
        (FILES + "test_a_disk_without_a_byte_for_a_while",),
        note="On a small tmpfs; skipped where it may not be mounted.",
    ),
    Row(
        "28",
        "ten thumbnails of a 100-megapixel image at once",
        (IMAGE_MEMORY + "test_thumbnails_of_large_images_stay_within_the_budget",),
        (IMAGE_MEMORY + "test_thumbnails_of_100_megapixels_stay_within_the_budget",),
    ),
    Row(
        "29",
        "idle bodies, half-sent headers, a huge header",
        (
            PROTOCOL + "test_half_sent_headers_are_refused_at_their_deadline",
            PROTOCOL + "test_large_headers_are_refused",
            PROTOCOL + "test_a_half_sent_body_makes_room_too",
            UNDER_LOAD + "test_idle_bodies_of_unknown_length_take_no_memory",
        ),
        (CONNECTIONS + "test_idle_bodies_half_headers_and_huge_headers",),
    ),
    Row(
        "30",
        "slow images, a held lock, a frozen database",
        (
            HEALTH + "test_liveness_responds_while_all_threads_are_busy",
            DRAWINGS + "test_other_routes_do_not_wait_for_drawings",
            TIMEOUTS + "test_the_wait_for_sqlites_lock_ends",
            TIMEOUTS + "test_a_frozen_postgres_is_left",
        ),
        (
            CONNECTIONS + "test_liveness_while_sqlite_is_held_up",
            CONNECTIONS + "test_liveness_while_postgresql_is_frozen",
        ),
    ),
    Row(
        "31",
        "S3 is slow, fails, or shows late what was written",
        note="Not applicable: the storage is a folder (`file://`), and no other is supported.",
    ),
    Row(
        "32",
        "a second service on the same data folder",
        (LOCK + "test_a_second_holder_is_refused_and_told_about_the_first",),
        (FILES + "test_second_services",),
    ),
)

BEYOND = (
    Row(
        "model",
        "the life cycle of jobs, in any order of steps",
        ("tests/faults/test_life_cycle.py::test_any_order_of_steps_leaves_jobs_consistent",),
        ("tests/faults/test_life_cycle.py::test_many_orders_of_steps_leave_jobs_consistent",),
    ),
    Row(
        "schemathesis",
        "generated requests to every operation: no 5xx, every answer as declared",
        ("tests/faults/test_schemathesis.py::test_some_requests_to_every_operation",),
        ("tests/faults/test_schemathesis.py::test_every_operation_in_all_phases",),
    ),
)
"""What the two tables do not have."""
