"""Every security requirement of the console has its tests; whoever takes one away, or names it anew, is asked here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

_TESTS = Path(__file__).resolve().parent.parent
#: number of a requirement -> what it is about, and the tests that say so: file::name, below tests/
REQUIREMENTS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: (
        "headers of every answer",
        (
            "console/serving/test_requirements.py::test_1_every_answer_carries_the_headers",
            "console/serving/test_wire.py::test_what_a_stranger_sends_is_answered_in_our_words",
            "console/browser/test_crawler.py::test_every_answer_carries_the_headers_that_browsers_obey",
        ),
    ),
    2: (
        "a referrer policy that leaves us our Origin",
        ("console/serving/test_browser.py::test_our_own_form_names_its_origin",),
    ),
    3: (
        "HSTS",
        (
            "console/serving/test_requirements.py"
            "::test_3_https_is_asked_for_for_a_year_and_for_names_below_only_without_a_prefix",
        ),
    ),
    4: (
        "the cookie",
        (
            "console/serving/test_requirements.py::test_4_the_cookie_is_bound_to_host_and_prefix",
            "console/account/test_signing_in.py::test_the_cookie_is_for_this_host_and_path_alone_and_for_no_script",
            "console/serving/test_nginx.py::test_the_cookie_is_named_and_bound_as_its_prefix_asks_for",
        ),
    ),
    5: (
        "forms of our own pages alone",
        (
            "console/serving/test_requirements.py::test_5_only_our_own_pages_change_something",
            "console/serving/test_requirements.py::test_5_no_other_method_reaches_a_view",
            "console/browser/test_matrix.py::test_a_page_of_another_site_can_post_nothing",
            "console/serving/test_browser.py::test_a_form_of_another_place_is_refused",
        ),
    ),
    6: (
        "reading changes nothing",
        (
            "console/serving/test_requirements.py::test_6_reading_changes_nothing_but_the_last_use_of_a_session",
            "console/browser/test_crawler.py::test_looking_at_every_page_changes_nothing",
            "console/account/test_reading_changes_nothing.py::test_no_page_about_accounts_changes_a_row_when_it_is_read",
        ),
    ),
    7: (
        "hosts, and what proxies say",
        (
            "console/serving/test_requirements.py::test_7_a_host_that_is_not_ours_is_refused",
            "console/serving/test_requirements.py::test_7_no_address_is_built_from_a_header",
            "console/serving/test_front.py::test_what_a_proxy_of_ours_wrote_last_counts_and_nothing_else",
            "console/serving/test_nginx.py::test_what_a_visitor_writes_into_x_forwarded_for_does_not_count",
        ),
    ),
    8: (
        "ways back",
        (
            "console/account/test_admittance.py::test_the_way_back_is_a_page_of_ours_or_the_overview",
            "console/account/test_admittance.py::test_no_way_back_leads_out_of_the_console",
            "console/account/test_admittance.py::test_a_referrer_of_another_site_leads_nowhere",
        ),
    ),
    9: (
        "sessions are renewed and ended",
        (
            "console/account/test_signing_in.py::test_a_session_from_before_the_sign_in_is_worth_nothing_afterwards",
            "console/account/test_signing_in.py::test_signing_out_ends_the_session_and_clears_what_the_browser_keeps",
            "console/account/test_admittance.py"
            "::test_after_ten_minutes_a_second_factor_is_asked_for_again_and_changes_the_cookie",
            "console/account/test_admittance.py::test_a_session_ends_by_rest_and_by_age",
            "console/account/test_admittance.py::test_a_role_taken_away_ends_its_rights_at_once",
        ),
    ),
    10: (
        "tries are counted, names are not told",
        (
            "console/account/test_throttle.py::test_five_wrong_passwords_then_one_a_minute",
            "console/account/test_throttle.py::test_whoever_empties_every_bucket_does_not_shut_the_officer_out",
            "console/account/test_throttle.py::test_whoever_has_no_tries_left_finds_out_no_name_and_fills_no_table",
            "console/account/test_equal_times.py"
            "::test_a_wrong_password_of_a_known_name_takes_as_long_as_an_unknown_name",
        ),
    ),
    11: (
        "authorisation in the view and in the decision",
        (
            "console/browser/test_matrix.py"
            "::test_who_lacks_the_permission_is_refused_before_it_is_looked_whether_the_page_is_there",
            "console/browser/test_matrix.py::test_what_asks_for_a_second_factor_is_not_had_without_one",
            "console/test_site.py::test_every_view_names_who_may_open_it",
            "decisions/test_proposals.py::test_whoever_may_not_decide_is_refused_by_the_decision_itself",
            "decisions/test_proposals.py::test_somebody_who_acts_without_any_permission_named_may_decide_nothing",
        ),
    ),
    12: (
        "what is audited",
        (
            "console/account/test_in_words.py::test_who_acted_in_the_console_is_named_with_way_and_network",
            "console/account/test_throttle.py"
            "::test_refusals_are_noted_once_in_a_quarter_of_an_hour_and_never_what_was_typed",
            "console/decide/test_exempt.py::test_ops_exempts_and_the_audit_names_them",
            "console/proof/test_exports.py"
            "::test_a_dossier_has_the_octets_of_the_command_line_and_the_look_up_is_audited",
            "console/look/test_people.py::test_who_looked_stands_on_the_persons_page",
        ),
    ),
    13: (
        "nothing of a person, and nothing secret",
        (
            "console/account/test_nothing_leaks.py::test_what_was_typed_and_what_is_secret_is_nowhere_to_be_found",
            "console/browser/test_crawler.py::test_no_page_holds_an_address_or_a_key",
            "console/serving/test_wire.py::test_no_word_about_the_connections_reaches_the_log",
            "console/proof/test_exports.py::test_no_page_or_download_holds_an_address_and_none_is_in_a_title",
        ),
    ),
    14: (
        "no answer without its entry",
        (
            "console/look/test_people.py::test_an_answer_that_nobody_could_record_is_not_given",
            "console/proof/test_unaudited.py::test_an_export_whose_entry_does_not_fit_on_the_disk_is_not_answered",
            "console/proof/test_unaudited.py::test_nothing_is_answered_of_a_log_that_was_cut",
        ),
    ),
    15: (
        "the last resort",
        ("console/serving/test_front.py::test_the_last_resort_has_a_number_that_the_log_has_too_and_nothing_else",),
    ),
    16: (
        "no script and no style in a page, whatever somebody wrote",
        (
            "console/browser/test_crawler.py::test_what_strangers_wrote_is_shown_and_does_nothing",
            "console/browser/test_crawler.py::test_every_page_keeps_the_rules_of_a_page",
            "console/look/test_screens.py::test_no_address_and_nothing_that_a_browser_obeys_comes_from_the_tables",
        ),
    ),
    17: ("no formulas", ("console/proof/test_exports.py::test_no_cell_of_a_table_begins_a_formula",)),
    18: (
        "few exports at a time",
        (
            "console/proof/test_limits.py::test_a_second_export_of_one_person_waits_until_the_first_was_read",
            "console/proof/test_limits.py::test_a_third_person_waits_while_two_take_out",
            "console/serving/test_unread.py::test_whoever_does_not_read_to_the_end_loses_the_connection",
        ),
    ),
    19: (
        "what the database's accounts may",
        (
            "setup/test_console_grants.py::test_neither_account_reads_an_address_or_does_what_no_page_does",
            "setup/test_console_grants.py::test_a_console_that_only_shows_decides_nothing_even_if_it_tries",
        ),
    ),
    20: (
        "one effect of two clicks and two people",
        (
            "decisions/test_proposals.py::test_two_who_approve_at_the_same_time_have_one_effect",
            "console/decide/test_plans.py::test_two_clicks_at_the_same_moment_are_one_request",
            "console/account/test_codes_of_an_app.py"
            "::test_of_two_who_type_the_same_code_at_the_same_moment_one_gets_in",
            "console/account/test_enrolment.py::test_of_several_who_use_a_code_at_the_same_moment_one_gets_the_account",
            "console/account/test_on_servers.py::test_a_code_of_an_app_is_taken_once",
        ),
    ),
    21: (
        "OIDC",
        (
            "console/doors/test_oidc_lies.py::test_a_token_that_lies_in_a_field_lets_nobody_in",
            "console/doors/test_oidc_lies.py::test_a_token_that_the_provider_did_not_sign_lets_nobody_in",
            "console/doors/test_oidc.py::test_an_account_is_never_found_by_mail_or_name",
            "console/doors/test_oidc.py::test_who_comes_back_with_a_state_of_another_browser_is_refused",
        ),
    ),
}


def exists(node: str) -> bool:
    """Say whether a file of tests defines this test; nothing is imported."""
    file, _, name = node.partition("::")
    path = _TESTS / file
    if not path.is_file():
        return False
    return any(
        isinstance(each, ast.FunctionDef) and each.name == name
        for each in ast.parse(path.read_text(encoding="utf-8")).body
    )


def test_every_requirement_is_listed() -> None:
    assert sorted(REQUIREMENTS) == list(range(1, 22))


@pytest.mark.parametrize("number", REQUIREMENTS)
def test_every_requirement_has_its_tests(number: int) -> None:
    about, nodes = REQUIREMENTS[number]

    assert nodes
    assert [node for node in nodes if not exists(node)] == [], about


def test_a_test_that_is_not_there_is_missed() -> None:
    assert exists("console/test_requirements.py::test_every_requirement_is_listed")
    assert not exists("console/test_requirements.py::test_of_nothing")
    assert not exists("console/test_nothing.py::test_of_nothing")
