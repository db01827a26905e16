"""The input to refuse, and the tests of each; see `tests.faults.rows`."""

from tests.faults.rows import Row

ACCESS = "tests/contract/test_access.py::"
CONTROL = "tests/contract/test_control_characters.py::"
ARCHIVES = "tests/unit/datasets/test_archive.py::"
LIMITS = "tests/unit/datasets/test_archive_limits.py::"
PREDICT = "tests/contract/test_predict.py::"
UNDER_LOAD = "tests/contract/test_predict_under_load.py::"
UPLOADS = "tests/contract/test_uploads.py::"
ERRORS = "tests/contract/test_errors.py::"
DECODING = "tests/unit/ml/test_pil_decoding.py::"
JSON_BODY = "tests/unit/test_json_body.py::"
LAYOUT = "tests/unit/datasets/test_layout.py::"
INGEST = "tests/unit/ingestion/test_ingest.py::"
JOBS = "tests/contract/test_jobs.py::"
MISTAKES = "tests/contract/test_mistakes.py::"
ORIGINS = "tests/contract/test_origins.py::"
FUZZED = "tests/faults/test_fuzzed_input.py::"
HOSTILE_ARCHIVES = "tests/unit/datasets/test_hostile_archives.py::"
HOSTILE_IMAGES = "tests/unit/ml/test_hostile_images.py::"

BAD_INPUT = (
    Row(
        "no-key",
        "no key, or a wrong key",
        (
            ACCESS + "test_without_a_key_only_public_routes_answer",
            ACCESS + "test_a_wrong_key_is_refused",
            ACCESS + "test_the_body_of_a_rejected_request_is_not_read",
        ),
    ),
    Row(
        "scope",
        "a key without the scope",
        (ACCESS + "test_a_key_with_every_scope_but_the_needed_one_is_forbidden",),
    ),
    Row(
        "foreign",
        "another tenant's id",
        (
            (
                "tests/contract/test_tenants.py::"
                "test_another_tenants_id_is_answered_like_an_unknown_one"
            ),
        ),
    ),
    Row(
        "body-cap",
        "a body over the cap, declared or chunked",
        (
            ERRORS + "test_a_body_over_the_limit_is_rejected",
            PREDICT + "test_a_body_over_the_limit_is_refused_declared_or_chunked",
        ),
    ),
    Row(
        "nan",
        "NaN, Infinity, 1e400, lone surrogates",
        (JSON_BODY + "test_values_that_no_field_can_hold_are_rejected",),
    ),
    Row(
        "bad-json",
        "JSON nested 100,000 deep, malformed JSON",
        (
            JSON_BODY + "test_invalid_json_is_rejected",
            ERRORS + "test_invalid_json_is_rejected",
        ),
    ),
    Row(
        "unknown-field",
        "unknown architecture or field, epochs out of bounds",
        (JOBS + "test_an_invalid_field_is_reported_with_the_allowed_values",),
    ),
    Row(
        "short-body",
        "a body shorter than announced, a client that is gone",
        (
            UPLOADS + "test_nothing_is_stored_of_an_incomplete_body",
            "tests/unit/test_multipart.py::test_a_body_that_ends_early_is_incomplete",
        ),
    ),
    Row(
        "not-an-archive",
        "not an archive, truncated, a wrong checksum",
        (
            ARCHIVES + "test_a_damaged_archive_is_invalid",
            ARCHIVES + "test_unread_content_is_checked_anyway",
            UPLOADS + "test_an_invalid_file_is_rejected_by_its_first_bytes",
        ),
    ),
    Row(
        "unsafe-path",
        "../, absolute paths, drive letters, NUL, reserved names",
        (
            ARCHIVES + "test_unsafe_names_are_rejected",
            ARCHIVES + "test_nul_in_a_name_is_rejected",
        ),
    ),
    Row(
        "unsafe-entry",
        "links, devices, FIFOs, sparse entries",
        (
            ARCHIVES + "test_special_zip_entries_are_rejected",
            ARCHIVES + "test_special_tar_entries_are_rejected",
            ARCHIVES + "test_a_sparse_file_declared_by_pax_is_rejected",
        ),
    ),
    Row(
        "encrypted",
        "encrypted entries, unknown compression",
        (ARCHIVES + "test_other_formats_are_unsupported",),
    ),
    Row(
        "bomb",
        "a ratio bomb, lying sizes, overlapping entries",
        (
            LIMITS + "test_an_archive_bomb_is_detected_by_its_ratio",
            LIMITS + "test_more_bytes_than_an_entry_declares_are_too_large",
            LIMITS + "test_overlaps_are_detected_before_unpacking",
        ),
    ),
    Row(
        "many-files",
        "200,000 entries",
        (LIMITS + "test_a_declared_number_of_entries_is_rejected_before_the_directory_is_read",),
    ),
    Row("duplicates", "duplicate names", (LIMITS + "test_duplicate_names_are_rejected",)),
    Row(
        "case",
        "names that differ only in case",
        (LIMITS + "test_names_that_differ_only_in_case_are_two_files",),
    ),
    Row(
        "not-utf8",
        "names that are not UTF-8",
        (
            LIMITS + "test_names_that_are_not_utf8_are_read",
            LAYOUT + "test_class_names_are_normalised_and_sorted",
        ),
    ),
    Row(
        "layout",
        "one class, an empty class, a mixed layout, a nested archive",
        (
            LAYOUT + "test_an_invalid_layout_is_rejected_with_what_was_found",
            LAYOUT + "test_a_nested_archive_is_rejected",
        ),
    ),
    Row(
        "bad-images",
        "some images that do not decode",
        (
            INGEST + "test_a_few_bad_images_are_reported_and_left_out",
            INGEST + "test_too_many_bad_images_are_rejected",
        ),
    ),
    Row(
        "not-an-image",
        "predict with SVG, PDF, text",
        (
            DECODING + "test_other_formats_are_unsupported",
            PREDICT + "test_a_single_invalid_image_fails_the_request",
        ),
    ),
    Row(
        "truncated-image",
        "a truncated image",
        (DECODING + "test_truncated_images_are_corrupt",),
    ),
    Row(
        "pixel-bomb",
        "a pixel bomb",
        (
            DECODING + "test_a_pixel_bomb_is_rejected_by_its_header",
            PREDICT + "test_an_image_over_the_limit_is_refused",
        ),
    ),
    Row(
        "colour",
        "CMYK, palettes, alpha, animation, rotation, 16 bits",
        (
            DECODING + "test_cmyk_is_converted",
            DECODING + "test_transparency_is_blended_with_white",
            DECODING + "test_an_animation_is_its_first_frame",
            DECODING + "test_exif_rotation_is_undone",
            DECODING + "test_16_bit_colour_keeps_its_high_byte",
            "tests/contract/test_same_answer.py::test_predict_equals_validation_for_every_form",
        ),
    ),
    Row("not-ready", "a model that is not ready", (PREDICT + "test_the_error_is_model_not_ready",)),
    Row(
        "overload",
        "a full queue, a rate limit, a deadline",
        (
            UNDER_LOAD + "test_a_full_queue_returns_503_with_retry_after",
            UNDER_LOAD + "test_a_request_over_its_deadline_gets_504",
            "tests/contract/test_quotas.py::test_requests_above_the_rate_are_refused",
        ),
    ),
    Row(
        "nul",
        "NUL and other control characters",
        (
            CONTROL + "test_no_path_may_have_one",
            CONTROL + "test_no_query_may_have_one",
            CONTROL + "test_no_json_string_may_have_one",
            CONTROL + "test_no_form_field_and_no_key_may_have_one",
        ),
    ),
    Row(
        "pax",
        "pax headers of a million records, sparse maps, deep zstd frames",
        (
            HOSTILE_ARCHIVES + "test_a_pax_header_of_many_records_is_read_in_linear_time",
            HOSTILE_ARCHIVES + "test_records_of_global_headers_do_not_accumulate",
            HOSTILE_ARCHIVES + "test_a_sparse_map_is_refused_without_being_kept",
            LIMITS + "test_a_zstd_window_above_the_limit_is_rejected",
        ),
        (FUZZED + "test_archives",),
    ),
    Row(
        "origin",
        "a foreign Host, a cross-origin POST",
        (
            ORIGINS + "test_foreign_hosts_are_refused",
            ORIGINS + "test_changes_by_pages_of_other_origins_are_refused",
            ORIGINS + "test_a_slash_redirect_names_no_host",
        ),
    ),
    Row(
        "heic",
        "HEIC, AVIF, PPM text, multi-page TIFF",
        (
            HOSTILE_IMAGES + "test_known_formats_are_refused_by_name",
            HOSTILE_IMAGES + "test_pixel_maps_that_pillow_decodes_in_python_are_refused",
            HOSTILE_IMAGES + "test_binary_pbm_pgm_and_ppm_are_read",
            HOSTILE_IMAGES + "test_a_tiff_of_several_pages_is_its_first_page",
        ),
        (FUZZED + "test_images_and_their_exif",),
    ),
    Row(
        "booleans",
        "booleans or strings where numbers belong",
        (
            MISTAKES + "test_a_number_is_neither_a_string_nor_a_boolean",
            MISTAKES + "test_every_body_takes_numbers_strictly",
        ),
    ),
    Row(
        "odd-headers",
        "odd headers, Range, method override",
        (ERRORS + "test_a_content_length_that_is_not_a_number_is_rejected",),
        ("tests/faults/test_schemathesis.py::test_every_operation_in_all_phases",),
    ),
)
