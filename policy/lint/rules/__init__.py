"""Every rule, in the order of the codes. A code keeps its meaning for ever."""

from policy.lint.rule import Rule
from policy.lint.rules.accounts import (
    account_principal_form,
    documentation_account_id,
)
from policy.lint.rules.action_patterns import (
    pattern_crosses_duties,
    pattern_grows,
    useless_wildcard,
)
from policy.lint.rules.actions import (
    action_not_effective_in_key_policy,
    foreign_action_in_key_policy,
    pattern_matches_no_action,
    reencrypt_without_direction,
    unknown_action,
    unknown_service_prefix,
    wildcard_in_service_prefix,
)
from policy.lint.rules.addresses import (
    cidr_host_bits,
    private_source_ip,
    unpaired_condition_key,
)
from policy.lint.rules.alternatives import (
    alternatives_written_as_and,
)
from policy.lint.rules.arn_fields import (
    arn_service_case,
    malformed_arn,
    unknown_partition_or_region,
)
from policy.lint.rules.breadth import (
    all_actions_for_identity,
    allow_notaction,
    allow_notresource,
    any_account_key_arn,
    decrypt_on_all_keys,
    full_kms_in_identity_policy,
    via_service_pattern,
)
from policy.lint.rules.callers import (
    not_effective_cross_account,
    principal_keys_with_service,
    source_keys_with_iam_principal,
    via_service_on_admin_action,
)
from policy.lint.rules.characters import forbidden_character, unresolved_placeholder
from policy.lint.rules.companions import (
    companion_action_missing,
    policy_name_value,
)
from policy.lint.rules.condition_names import (
    condition_key_format,
    condition_key_of_other_service,
    deprecated_condition_key,
    key_not_usable_in_key_policy,
    unknown_global_condition_key,
    unknown_kms_condition_key,
)
from policy.lint.rules.conditions import (
    duplicate_condition_key_case,
    null_operator_misuse,
    unknown_operator,
)
from policy.lint.rules.contexts import (
    encryption_context_key_case,
)
from policy.lint.rules.dates import date_passed
from policy.lint.rules.delegation import (
    account_principal_as_user,
    conditional_account_delegation,
    no_account_delegation,
)
from policy.lint.rules.documents import (
    invalid_version,
    missing_statement,
    missing_version,
    outdated_version,
)
from policy.lint.rules.duties import (
    administer_and_use_across_statements,
    administer_and_use_in_statement,
    administrator_can_create_grants,
)
from policy.lint.rules.enclaves import (
    attestation_bypass,
    attestation_not_required,
    attestation_without_deployment,
    debug_measurement,
    weak_algorithm,
)
from policy.lint.rules.everyone import (
    account_wide_use_without_service,
    allow_notprincipal,
    any_service_principal,
    deny_notprincipal,
    public_key,
    public_key_weak_condition,
)
from policy.lint.rules.foreign_accounts import (
    foreign_account_full_access,
    foreign_account_not_trusted,
    foreign_account_without_organization,
)
from policy.lint.rules.grants_given import (
    bypass_lockout_check,
    creategrant_foranyvalue,
    creategrant_unrestricted,
    createkey_unrestricted,
    replication_unrestricted,
)
from policy.lint.rules.identities import (
    deleted_principal_id,
    session_principal,
    too_many_direct_principals,
    user_principal,
)
from policy.lint.rules.impossible import (
    condition_always_true,
    contradictory_conditions,
    encryption_context_on_wrong_key,
    exception_covers_everybody,
    statement_never_matches,
)
from policy.lint.rules.key_policies import (
    exceeds_delegation,
    identity_allow_not_delegated,
)
from policy.lint.rules.key_types import action_impossible_for_key_type
from policy.lint.rules.key_users import (
    context_free_data_use,
    deletion_window_unbounded,
    sensitive_action_in_identity_policy,
    users_may_delete,
    users_may_tag,
)
from policy.lint.rules.listed_values import (
    grant_operation_with_prefix,
    invalid_condition_value,
)
from policy.lint.rules.lockout import (
    caller_would_be_locked_out,
    deny_locks_out,
    nobody_can_change_policy,
    single_policy_administrator,
)
from policy.lint.rules.merging import (
    mergeable_statements,
)
from policy.lint.rules.naming import (
    misleading_sid,
    missing_policy_id,
    missing_sid,
)
from policy.lint.rules.new_access import new_access
from policy.lint.rules.numbers import (
    epoch_date,
    number_out_of_range,
)
from policy.lint.rules.operator_types import (
    operator_key_type,
    value_operator_type,
)
from policy.lint.rules.organizations import rcp_syntax, scp_classic_syntax
from policy.lint.rules.overlaps import (
    allow_fully_denied,
    negated_list_confusion,
    redundant_statement,
)
from policy.lint.rules.presence import (
    condition_key_never_present,
    condition_key_partly_present,
    ifexists_on_present_key,
    negated_test_on_optional_key,
)
from policy.lint.rules.principals import (
    group_principal,
    invalid_principal_format,
    invalid_service_principal,
    unusable_principal_type,
    wildcard_inside_principal,
)
from policy.lint.rules.quotas import (
    alias_condition_quota,
    policy_size,
)
from policy.lint.rules.reachable import (
    expiring_administration,
    no_way_back,
    write_only_key,
)
from policy.lint.rules.redundant import (
    redundant_action,
    redundant_principal,
    redundant_resource,
)
from policy.lint.rules.redundant_values import (
    redundant_condition_value,
)
from policy.lint.rules.resources import (
    key_id_format,
    key_id_or_alias_as_resource,
    key_policy_resource_not_star,
    unknown_kms_resource_type,
)
from policy.lint.rules.self_service import (
    attribute_self_service,
    escalation_path,
)
from policy.lint.rules.service_callers import (
    confused_deputy,
    confused_deputy_open_source,
    service_without_encryption_context,
    weak_source_key,
)
from policy.lint.rules.set_operators import (
    forallvalues_allow_empty,
    forallvalues_refused,
    foranyvalue_deny_empty,
    missing_set_operator,
    set_operator_on_single_value,
)
from policy.lint.rules.sids import duplicate_sid, empty_sid, sid_characters
from policy.lint.rules.source_denies import (
    deny_by_source_hits_direct_calls,
    network_deny_breaks_services,
)
from policy.lint.rules.statements import (
    conflicting_elements,
    invalid_effect,
    invalid_principal_key,
    missing_action,
    missing_effect,
    missing_principal,
    missing_resource,
    principal_not_allowed,
    unknown_element,
    wrong_json_type,
)
from policy.lint.rules.style import (
    boolean_literal,
    canonical_case,
    element_order,
    single_element_list,
    unsorted_list,
)
from policy.lint.rules.syntax import (
    duplicate_member,
    json_syntax_error,
    missing_comma,
    non_json_construct,
    not_a_policy_document,
    trailing_comma,
)
from policy.lint.rules.targets import (
    action_resource_mismatch,
    alias_arn_for_key_action,
    half_of_alias_permission,
    key_condition_on_alias,
)
from policy.lint.rules.value_forms import (
    account_or_org_id_format,
    alias_value_format,
    attestation_value_format,
    network_id_format,
    principal_value_format,
    unknown_via_service,
    via_service_format,
)
from policy.lint.rules.values import (
    empty_list,
    empty_object,
    mixed_value_types,
    number_for_account_id,
)
from policy.lint.rules.variables import (
    malformed_variable,
    unknown_variable,
    variable_in_wrong_place,
    variable_needs_version,
    variable_with_operator,
)
from policy.lint.rules.weak_tests import (
    allow_with_negated_bound,
    forgeable_condition,
    ifexists_weakens_allow,
    mfa_antipattern,
    rcp_without_service_exception,
)
from policy.lint.rules.wildcards import (
    escaped_wildcard_confusion,
    like_without_wildcard,
    wildcard_without_like,
)

RULES: tuple[Rule, ...] = (
    json_syntax_error,  # KG101
    trailing_comma,
    missing_comma,
    non_json_construct,
    duplicate_member,
    duplicate_condition_key_case,
    not_a_policy_document,
    unknown_element,
    missing_version,
    invalid_version,  # KG110
    outdated_version,
    missing_statement,
    missing_effect,
    invalid_effect,
    missing_action,
    missing_resource,
    missing_principal,
    principal_not_allowed,
    conflicting_elements,
    wrong_json_type,  # KG120
    mixed_value_types,
    number_for_account_id,
    empty_list,
    empty_object,
    sid_characters,
    duplicate_sid,
    empty_sid,
    malformed_variable,
    variable_in_wrong_place,
    variable_needs_version,  # KG130
    variable_with_operator,
    unknown_variable,
    forbidden_character,
    null_operator_misuse,
    unresolved_placeholder,
    rcp_syntax,
    scp_classic_syntax,
    unknown_service_prefix,  # KG201
    unknown_action,
    reencrypt_without_direction,
    pattern_matches_no_action,
    foreign_action_in_key_policy,
    action_not_effective_in_key_policy,
    wildcard_in_service_prefix,
    unknown_operator,
    unknown_global_condition_key,
    unknown_kms_condition_key,  # KG210
    condition_key_format,
    deprecated_condition_key,
    condition_key_of_other_service,
    key_not_usable_in_key_policy,
    invalid_principal_key,
    invalid_principal_format,
    group_principal,
    wildcard_inside_principal,
    unusable_principal_type,
    invalid_service_principal,  # KG220
    malformed_arn,
    unknown_partition_or_region,
    arn_service_case,
    unknown_kms_resource_type,
    key_id_or_alias_as_resource,
    key_policy_resource_not_star,
    key_id_format,
    invalid_condition_value,
    grant_operation_with_prefix,
    alias_value_format,  # KG230
    via_service_format,
    unknown_via_service,
    network_id_format,
    account_or_org_id_format,
    attestation_value_format,
    principal_value_format,
    operator_key_type,  # KG301
    value_operator_type,
    missing_set_operator,
    forallvalues_refused,
    set_operator_on_single_value,
    forallvalues_allow_empty,
    foranyvalue_deny_empty,
    condition_key_never_present,
    condition_key_partly_present,
    negated_test_on_optional_key,  # KG310
    encryption_context_on_wrong_key,
    encryption_context_key_case,
    action_impossible_for_key_type,
    contradictory_conditions,
    condition_always_true,
    statement_never_matches,
    allow_fully_denied,
    redundant_statement,
    redundant_action,
    redundant_resource,  # KG320
    redundant_principal,
    redundant_condition_value,
    wildcard_without_like,
    like_without_wildcard,
    escaped_wildcard_confusion,
    private_source_ip,
    cidr_host_bits,
    unpaired_condition_key,
    date_passed,
    epoch_date,  # KG330
    number_out_of_range,
    not_effective_cross_account,
    action_resource_mismatch,
    alias_arn_for_key_action,
    half_of_alias_permission,
    key_condition_on_alias,
    principal_keys_with_service,
    source_keys_with_iam_principal,
    via_service_on_admin_action,
    exception_covers_everybody,  # KG340
    identity_allow_not_delegated,
    exceeds_delegation,
    ifexists_on_present_key,
    alternatives_written_as_and,
    negated_list_confusion,
    public_key,  # KG401
    public_key_weak_condition,
    allow_notprincipal,
    deny_notprincipal,
    any_service_principal,
    confused_deputy,
    confused_deputy_open_source,
    weak_source_key,
    service_without_encryption_context,
    foreign_account_full_access,  # KG410
    foreign_account_not_trusted,
    foreign_account_without_organization,
    creategrant_unrestricted,
    creategrant_foranyvalue,
    all_actions_for_identity,
    allow_notaction,
    allow_notresource,
    decrypt_on_all_keys,
    full_kms_in_identity_policy,
    any_account_key_arn,  # KG420
    account_wide_use_without_service,
    via_service_pattern,
    bypass_lockout_check,
    mfa_antipattern,
    ifexists_weakens_allow,
    allow_with_negated_bound,
    forgeable_condition,
    attribute_self_service,
    escalation_path,
    attestation_not_required,
    attestation_bypass,
    debug_measurement,
    attestation_without_deployment,
    rcp_without_service_exception,
    replication_unrestricted,
    createkey_unrestricted,  # KG440
    weak_algorithm,
    new_access,
    no_account_delegation,  # KG501
    nobody_can_change_policy,
    single_policy_administrator,
    caller_would_be_locked_out,
    deny_locks_out,
    deleted_principal_id,
    session_principal,
    network_deny_breaks_services,
    deny_by_source_hits_direct_calls,
    policy_size,  # KG510
    conditional_account_delegation,
    expiring_administration,
    no_way_back,
    write_only_key,
    companion_action_missing,
    alias_condition_quota,
    policy_name_value,
    administer_and_use_in_statement,  # KG601
    administer_and_use_across_statements,
    administrator_can_create_grants,
    pattern_crosses_duties,
    pattern_grows,
    useless_wildcard,
    users_may_delete,
    deletion_window_unbounded,
    users_may_tag,
    user_principal,  # KG610
    account_principal_as_user,
    sensitive_action_in_identity_policy,
    context_free_data_use,
    too_many_direct_principals,
    missing_sid,  # KG701
    misleading_sid,
    canonical_case,
    boolean_literal,
    account_principal_form,
    element_order,
    unsorted_list,
    single_element_list,
    documentation_account_id,
    mergeable_statements,  # KG710
    missing_policy_id,  # KG712
)

DEFAULT_RULES: tuple[Rule, ...] = tuple(rule for rule in RULES if not rule.opt_in)
"""Those that run where nobody asks for others."""
