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
from policy.lint.rules.arn_fields import (
    arn_service_case,
    malformed_arn,
    unknown_partition_or_region,
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
from policy.lint.rules.identities import (
    deleted_principal_id,
    session_principal,
    too_many_direct_principals,
    user_principal,
)
from policy.lint.rules.key_users import (
    context_free_data_use,
    deletion_window_unbounded,
    sensitive_action_in_identity_policy,
    users_may_delete,
    users_may_tag,
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
from policy.lint.rules.organizations import rcp_syntax, scp_classic_syntax
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
from policy.lint.rules.resources import (
    key_id_format,
    key_id_or_alias_as_resource,
    key_policy_resource_not_star,
    unknown_kms_resource_type,
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
