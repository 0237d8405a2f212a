"""Each rule by itself: its page, its two examples, and the edges of what it finds."""

from __future__ import annotations

import json
import re

import pytest

from policy.lint import RULES, Fix, Rule, Severity
from policy.model import PolicyKind
from policy.reader import read
from policy.source import Source
from tests.lint_bench import SECTION, document, example_of, examples, found_in, named

ERROR, SECURITY, WARNING, SUGGESTION = Severity
NONE, SAFE, UNSAFE = Fix.NONE, Fix.SAFE, Fix.UNSAFE

# Code, slug, severity and fix of the catalogue, and what the rule says about its own example.
CATALOGUE = [
    ("KG101", "json-syntax-error", ERROR, NONE, "syntax error: expected ']', found '}'"),
    ("KG102", "trailing-comma", ERROR, SAFE, "trailing comma before ']'"),
    ("KG103", "missing-comma", ERROR, SAFE, "missing ',' after \"Rotate\""),
    ("KG104", "non-json-construct", ERROR, SAFE | UNSAFE, "a comment is not allowed in JSON"),
    ("KG105", "duplicate-member", ERROR, SAFE | UNSAFE,
     "'AWS' is given twice in this object; only one of them is used"),
    ("KG106", "duplicate-condition-key-case", ERROR, UNSAFE,
     "condition key 'kms:viaService' repeats 'kms:ViaService' with other capitals"),
    ("KG107", "not-a-policy-document", ERROR, SAFE,
     "expected a policy document, found a bare list of statements"),
    ("KG108", "unknown-element", ERROR, UNSAFE,
     "unknown policy element 'Resources'; did you mean 'Resource'?"),
    ("KG109", "missing-version", WARNING, SAFE | UNSAFE,
     "no Version; the policy is read as 2008-10-17 and policy variables are taken literally"),
    ("KG110", "invalid-version", ERROR, UNSAFE,
     "'2025-03-31' is not a policy language version; use \"2012-10-17\""),
    ("KG111", "outdated-version", WARNING, SAFE | UNSAFE,
     "policy language 2008-10-17 has no policy variables; use 2012-10-17"),
    ("KG112", "missing-statement", ERROR, NONE, "the policy has no statement"),
    ("KG113", "missing-effect", ERROR, NONE, "the statement has no Effect"),
    ("KG114", "invalid-effect", ERROR, SAFE, 'Effect must be "Allow" or "Deny", not "DENY"'),
    ("KG115", "missing-action", ERROR, NONE,
     "the statement has no Action and therefore no effect"),
    ("KG116", "missing-resource", ERROR, UNSAFE,
     "the statement has no Resource and does not apply to any KMS key"),
    ("KG117", "missing-principal", ERROR, NONE,
     "a statement of a key policy must have a Principal"),
    ("KG118", "principal-not-allowed", ERROR, UNSAFE,
     "an identity policy cannot have Principal; "
     "the principal is the identity it is attached to"),
    ("KG119", "conflicting-elements", ERROR, NONE,
     "'Principal' and 'NotPrincipal' cannot be used in the same statement"),
    ("KG120", "wrong-json-type", ERROR, NONE, "'Condition' must be an object, found a list"),
    ("KG121", "mixed-value-types", WARNING, SAFE,
     "the values of 'kms:ScheduleKeyDeletionPendingWindowInDays' mix strings and numbers"),
    ("KG122", "number-for-account-id", ERROR, SAFE | UNSAFE,
     'quote the account ID "098765432109"'),
    ("KG123", "empty-list", ERROR, NONE,
     "the empty AWS list makes this statement name no AWS principal"),
    ("KG124", "empty-object", WARNING, SAFE, "empty StringEquals"),
    ("KG125", "sid-characters", ERROR, SAFE,
     "a Sid in an identity policy may only have letters and digits"),
    ("KG126", "duplicate-sid", ERROR, UNSAFE, "Sid 'Service' is used by 2 statements"),
    ("KG127", "empty-sid", SUGGESTION, SAFE, "empty Sid"),
    ("KG128", "malformed-variable", ERROR, SAFE,
     "malformed policy variable ${aws:PrincipalTag/team, none}: "
     "the default is not in single quotes"),
    ("KG129", "variable-in-wrong-place", ERROR, NONE,
     "policy variables work only in Resource and in condition values, not in Principal"),
    ("KG130", "variable-needs-version", ERROR, UNSAFE,
     "'${aws:userid}' is plain text unless Version is 2012-10-17"),
    ("KG131", "variable-with-operator", ERROR, NONE,
     "policy variables cannot be used with DateLessThan"),
    ("KG132", "unknown-variable", WARNING, NONE,
     "'${AWS::AccountId}' is not a policy variable; "
     "it belongs to a template that was not rendered"),
    ("KG133", "forbidden-character", ERROR, SAFE,
     "character U+2013 cannot be used in a key policy"),
    ("KG134", "null-operator-misuse", ERROR, UNSAFE,
     "NullIfExists is not valid; Null takes no suffix"),
    ("KG135", "unresolved-placeholder", ERROR, NONE, "unresolved placeholder '<account-id>'"),
    ("KG136", "rcp-syntax", ERROR, SAFE, "resource control policies do not support NotAction"),
    ("KG137", "scp-classic-syntax", ERROR, NONE,
     "classic SCPs do not support a wildcard before the end of an action"),
    ("KG201", "unknown-service-prefix", ERROR, SAFE | UNSAFE,
     "unknown service prefix '' in action 'Sign'; did you mean 'kms:Sign'?"),
    ("KG202", "unknown-action", ERROR, UNSAFE,
     "there is no KMS action 'kms:DeleteKey'; did you mean 'kms:ScheduleKeyDeletion'?"),
    ("KG203", "reencrypt-without-direction", ERROR, UNSAFE,
     "'kms:ReEncrypt' matches nothing; "
     "use kms:ReEncryptFrom, kms:ReEncryptTo or kms:ReEncrypt*"),
    ("KG204", "pattern-matches-no-action", ERROR, NONE, "'kms:GenerateKey*' matches no KMS action"),
    ("KG205", "foreign-action-in-key-policy", ERROR, SAFE,
     "'s3:PutObject' has no effect in a key policy"),
    ("KG206", "action-not-effective-in-key-policy", WARNING, SAFE,
     "'kms:ListKeys' is not authorized by a key policy; put it in an identity policy"),
    ("KG207", "wildcard-in-service-prefix", SUGGESTION, UNSAFE,
     "the service prefix 'k*' is a pattern; write kms"),
    ("KG208", "unknown-operator", ERROR, UNSAFE,
     "unknown condition operator 'StringEqual'; did you mean 'StringEquals'?"),
    ("KG209", "unknown-global-condition-key", ERROR, UNSAFE,
     "there is no condition key 'aws:ViaService'; did you mean 'kms:ViaService'?"),
    ("KG210", "unknown-kms-condition-key", ERROR, UNSAFE,
     "there is no KMS condition key 'kms:KeySpecs'; did you mean 'kms:KeySpec'?"),
    ("KG211", "condition-key-format", ERROR, NONE,
     "'kms:EncryptionContext' is incomplete; write kms:EncryptionContext:<name>"),
    ("KG212", "deprecated-condition-key", WARNING, SAFE | UNSAFE,
     "'kms:CustomerMasterKeyUsage' is deprecated; use 'kms:KeyUsage'"),
    ("KG213", "condition-key-of-other-service", WARNING, NONE,
     "'s3:x-amz-acl' is never present in KMS requests"),
    ("KG214", "key-not-usable-in-key-policy", WARNING, NONE,
     "'aws:ResourceTag/team' is supported only in identity policies"),
    ("KG215", "invalid-principal-key", ERROR, SAFE,
     "unknown principal type 'service'; did you mean 'Service'?"),
    ("KG216", "invalid-principal-format", ERROR, NONE,
     "'arn:aws:iam::11112222333:role/billing' is not a principal: "
     "an account ID has 12 digits, this has 11"),
    ("KG217", "group-principal", ERROR, NONE, "an IAM group cannot be a principal"),
    ("KG218", "wildcard-inside-principal", ERROR, UNSAFE,
     "a principal cannot contain a wildcard: 'arn:aws:iam::111122223333:role/batch-*'"),
    ("KG219", "unusable-principal-type", ERROR, NONE,
     "a key policy does not support Federated principals"),
    ("KG220", "invalid-service-principal", ERROR, UNSAFE,
     "'cloudtrail.amazon.com' is not a service principal"),
    ("KG221", "malformed-arn", ERROR, SAFE,
     "malformed ARN 'arn:aws:cloudtrail:*::111122223333:trail/audit': "
     "an ARN has 6 fields, this has 7"),
    ("KG222", "unknown-partition-or-region", ERROR, NONE,
     "'eu-west' is not a Region of any partition; did you mean 'eu-west-3'?"),
    ("KG223", "arn-service-case", ERROR, SAFE, "write the ARN service in lower case: 's3'"),
    ("KG224", "unknown-kms-resource-type", ERROR, UNSAFE,
     "KMS resources are key/<key-id> and alias/<name>, not 'keys/*'"),
    ("KG225", "key-id-or-alias-as-resource", ERROR, NONE,
     "a policy names a KMS key by its key ARN, not by 'alias/payroll'"),
    ("KG226", "key-policy-resource-not-star", WARNING, SAFE | UNSAFE,
     'in a key policy write "Resource": "*", which means this KMS key'),
    ("KG227", "key-id-format", SUGGESTION, NONE, "'payroll' does not look like a key ID"),
    ("KG228", "invalid-condition-value", ERROR, UNSAFE,
     "'RSAES_OAEP_SHA256' is not a value of kms:EncryptionAlgorithm; did you mean "
     "'RSAES_OAEP_SHA_256'?"),
    ("KG229", "grant-operation-with-prefix", ERROR, UNSAFE,
     "grant operations are written without 'kms:': 'kms:Encrypt'"),
    ("KG230", "alias-value-format", ERROR, SAFE,
     "kms:RequestAlias takes an alias name such as alias/app, not "
     "'arn:aws:kms:eu-west-1:111122223333:alias/bills'"),
    ("KG231", "via-service-format", ERROR, NONE,
     "kms:ViaService takes <service>.<region>.amazonaws.com, not 'rds.amazonaws.com'"),
    ("KG232", "unknown-via-service", SUGGESTION, NONE,
     "'efs' is not known to call KMS with kms:ViaService"),
    ("KG233", "network-id-format", ERROR, NONE,
     "'vpc-0a1b2c3d' is not a VPC endpoint ID"),
    ("KG234", "account-or-org-id-format", ERROR, SAFE,
     "'1111-2222-3333' is not an account ID"),
    ("KG235", "attestation-value-format", ERROR, NONE,
     "a measurement has 96 hexadecimal digits, found 8"),
    ("KG236", "principal-value-format", ERROR, UNSAFE,
     "'arn:aws:sts::111122223333:assumed-role/billing/i-0a1b2c' never equals "
     "aws:PrincipalArn: sessions have the ARN of their role"),
    ("KG301", "operator-key-type", WARNING, SAFE,
     "aws:SecureTransport is of type Bool; use Bool instead of StringEquals"),
    ("KG302", "value-operator-type", ERROR, NONE,
     "'1 July 2027' is not a date or time of ISO 8601 for DateLessThan"),
    ("KG303", "missing-set-operator", ERROR, NONE,
     "kms:EncryptionContextKeys has several values; use ForAnyValue: or ForAllValues:"),
    ("KG304", "forallvalues-refused", ERROR, SAFE | UNSAFE,
     "KMS refuses ForAllValues with kms:EncryptionContext:tenant; remove the set operator"),
    ("KG305", "set-operator-on-single-value", SECURITY, SAFE | UNSAFE,
     "kms:ViaService has one value; remove ForAllValues"),
    ("KG306", "forallvalues-allow-empty", SECURITY, UNSAFE,
     'this Allow also matches requests without kms:EncryptionContextKeys; add "Null": '
     '{"kms:EncryptionContextKeys": "false"}'),
    ("KG307", "foranyvalue-deny-empty", WARNING, NONE,
     "this Deny does not match requests without aws:TagKeys"),
    ("KG308", "condition-key-never-present", ERROR, NONE,
     "none of the actions carries kms:EncryptionContext:tenant; the statement never matches"),
    ("KG309", "condition-key-partly-present", WARNING, UNSAFE,
     "kms:DescribeKey never carry kms:EncryptionContext:tenant; move them to a statement "
     "without it"),
    ("KG310", "negated-test-on-optional-key", SECURITY, NONE,
     "StringNotEquals on kms:EncryptionContext:stage is true when the key is absent; this "
     "Allow covers requests without it"),
    ("KG311", "encryption-context-on-wrong-key", ERROR, NONE,
     "an encryption context exists only for symmetric encryption keys; this condition never "
     "holds"),
    ("KG312", "encryption-context-key-case", WARNING, UNSAFE,
     "encryption context key 'Tenant' is written 'tenant' elsewhere"),
    ("KG313", "action-impossible-for-key-type", WARNING, UNSAFE,
     "kms:DeriveSharedSecret cannot be used with a key whose KeyUsage is SIGN_VERIFY"),
    ("KG314", "contradictory-conditions", ERROR, NONE,
     "these conditions exclude each other: NumericLessThan aws:MultiFactorAuthAge and "
     "NumericGreaterThan aws:MultiFactorAuthAge"),
    ("KG315", "condition-always-true", WARNING, UNSAFE,
     "this condition is always true"),
    ("KG316", "statement-never-matches", WARNING, NONE,
     "no request can match this statement"),
    ("KG317", "allow-fully-denied", WARNING, NONE,
     "this Allow never takes effect: 'NoDeletion' denies all it allows"),
    ("KG318", "redundant-statement", SUGGESTION, SAFE | UNSAFE,
     "this statement adds nothing to 'All'"),
    ("KG319", "redundant-action", SUGGESTION, SAFE,
     "'kms:DescribeKey' is already covered by 'kms:Describe*'"),
    ("KG320", "redundant-resource", SUGGESTION, SAFE,
     "'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-5…' is already covered by "
     "'arn:aws:kms:*:111122223333:key/*'"),
    ("KG321", "redundant-principal", SUGGESTION, SAFE | UNSAFE,
     "'111122223333' is already covered by 'arn:aws:iam::111122223333:root'"),
    ("KG322", "redundant-condition-value", SUGGESTION, SAFE,
     "value 's3.eu-west-1.amazonaws.com' is covered by 's3.*.amazonaws.com'"),
    ("KG323", "wildcard-without-like", WARNING, UNSAFE,
     "StringEquals compares 'RSA_*' literally; use StringLike"),
    ("KG324", "like-without-wildcard", SUGGESTION, SAFE,
     "no value has a wildcard; StringEquals is enough"),
    ("KG325", "escaped-wildcard-confusion", SUGGESTION, SAFE,
     "write ${*} or ${?} for a literal wildcard character"),
    ("KG326", "private-source-ip", ERROR, NONE,
     "aws:SourceIp is never the private address 172.20.0.0/16; use aws:VpcSourceIp with "
     "aws:SourceVpc or aws:SourceVpce"),
    ("KG327", "cidr-host-bits", SUGGESTION, SAFE,
     "203.0.113.17/24 means 203.0.113.0/24"),
    ("KG328", "unpaired-condition-key", WARNING, NONE,
     "aws:VpcSourceIp is only meaningful together with aws:SourceVpc or aws:SourceVpce"),
    ("KG329", "date-passed", WARNING, NONE,
     "2019-12-31T23:59:59Z has passed; the statement never matches"),
    ("KG330", "epoch-date", SUGGESTION, SAFE,
     "write the date as 2027-12-31T23:59:59Z"),
    ("KG331", "number-out-of-range", WARNING, NONE,
     "kms:ScheduleKeyDeletionPendingWindowInDays ranges from 7 to 30; the condition is never true"),
    ("KG332", "not-effective-cross-account", WARNING, UNSAFE,
     "kms:EnableKeyRotation cannot be used by principals of account 444455556666"),
    ("KG333", "action-resource-mismatch", ERROR, UNSAFE,
     "kms:ListKeys does not act on arn:aws:kms:eu-west-1:111122223333:key/*; it needs "
     'Resource "*"'),
    ("KG334", "alias-arn-for-key-action", ERROR, UNSAFE,
     "an alias ARN stands for the alias, not for its key; use the key ARN, or "
     "kms:ResourceAliases / kms:RequestAlias"),
    ("KG335", "half-of-alias-permission", SUGGESTION, NONE,
     "kms:CreateAlias needs permission on the alias and on the key; only the alias is given "
     "here"),
    ("KG336", "key-condition-on-alias", WARNING, NONE,
     "condition keys are not evaluated for an alias resource"),
    ("KG337", "principal-keys-with-service", ERROR, UNSAFE,
     "aws:PrincipalOrgID is not present when delivery.logs.amazonaws.com calls; use "
     "aws:SourceAccount, aws:SourceArn or aws:SourceOrgID"),
    ("KG338", "source-keys-with-iam-principal", WARNING, NONE,
     "aws:SourceArn is set only when a service principal calls; this Allow never matches"),
    ("KG339", "via-service-on-admin-action", SUGGESTION, NONE,
     "kms:DisableKey are not called through rds.eu-west-1.amazonaws.com"),
    ("KG340", "exception-covers-everybody", ERROR, NONE,
     'the exception ArnNotLike "*" leaves nothing; the statement has no effect'),
    ("KG341", "identity-allow-not-delegated", WARNING, NONE,
     "the key policy of arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-5… does not "
     "let identity policies allow kms:Decrypt"),
    ("KG342", "exceeds-delegation", SUGGESTION, NONE,
     "the key policy gives account 111122223333 only kms:Decrypt; kms:Sign has no effect"),
    ("KG343", "ifexists-on-present-key", SUGGESTION, SAFE,
     "aws:SecureTransport is always present; IfExists has no effect"),
    ("KG344", "alternatives-written-as-and", WARNING, UNSAFE,
     "all conditions of a statement must hold; StringEquals kms:ViaService and StringLike "
     "kms:ViaService are not alternatives"),
    ("KG345", "negated-list-confusion", WARNING, UNSAFE,
     "together these Deny statements deny every value; put the allowed values into one list"),
    ("KG401", "public-key", SECURITY, NONE,
     "every AWS principal may call kms:Decrypt on this key"),
    ("KG402", "public-key-weak-condition", SECURITY, NONE,
     "the conditions on this Allow for everybody do not limit the caller: kms:ViaService"),
    ("KG403", "allow-notprincipal", SECURITY, NONE,
     "Allow with NotPrincipal allows everybody who is not listed"),
    ("KG404", "deny-notprincipal", WARNING, UNSAFE,
     'use Principal "*" with ArnNotEquals on aws:PrincipalArn instead of NotPrincipal'),
    ("KG405", "any-service-principal", SECURITY, NONE,
     "every AWS service may call kms:Decrypt"),
    ("KG406", "confused-deputy", SECURITY, NONE,
     "sns.amazonaws.com may use this key for any AWS customer; add aws:SourceAccount or "
     "aws:SourceArn"),
    ("KG407", "confused-deputy-open-source", SECURITY, NONE,
     "aws:SourceArn 'arn:aws:sns:*:*:bills' does not fix the account"),
    ("KG408", "weak-source-key", SUGGESTION, NONE,
     "restrict sns.amazonaws.com with aws:SourceArn or aws:SourceAccount rather than "
     "aws:SourceIp"),
    ("KG409", "service-without-encryption-context", SUGGESTION, NONE,
     "also require the encryption context 'aws:cloudtrail:arn' that cloudtrail.amazonaws.com "
     "uses"),
    ("KG410", "foreign-account-full-access", SECURITY, NONE,
     "account 444455556666 gets 56 actions on this key"),
    ("KG411", "foreign-account-not-trusted", SECURITY, NONE,
     "account 777788889999 is not in trusted-accounts"),
    ("KG412", "foreign-account-without-organization", SUGGESTION, NONE,
     "narrow the access of account 444455556666 by principal ARN or organization"),
    ("KG413", "creategrant-unrestricted", SECURITY, UNSAFE,
     "arn:aws:iam::111122223333:role/billing may create any grant on this key"),
    ("KG414", "creategrant-foranyvalue", SECURITY, UNSAFE,
     "ForAnyValue lets the grant contain further operations; use ForAllValues"),
    ("KG415", "all-actions-for-identity", SECURITY, NONE,
     "arn:aws:iam::111122223333:role/billing gets every KMS action on this key"),
    ("KG416", "allow-notaction", SECURITY, NONE,
     "Allow with NotAction grants 53 KMS actions, among them kms:ScheduleKeyDeletion and "
     "kms:Decrypt"),
    ("KG417", "allow-notresource", SECURITY, NONE,
     "Allow with NotResource reaches every other KMS key, also in other accounts"),
    ("KG418", "decrypt-on-all-keys", SECURITY, NONE,
     "kms:Decrypt are allowed on every KMS key of every account"),
    ("KG419", "full-kms-in-identity-policy", SECURITY, NONE,
     "this identity policy allows all KMS actions on all keys"),
    ("KG420", "any-account-key-arn", SECURITY, NONE,
     "'arn:aws:kms:eu-west-1:*:key/*' includes keys of other accounts"),
    ("KG421", "account-wide-use-without-service", SECURITY, NONE,
     "every identity of 111122223333 may call kms:Decrypt directly"),
    ("KG422", "via-service-pattern", WARNING, NONE,
     "'*.eu-west-1.amazonaws.com' allows every integrated service"),
    ("KG423", "bypass-lockout-check", SECURITY, NONE,
     "PutKeyPolicy may skip the lock-out check"),
    ("KG424", "mfa-antipattern", SECURITY, UNSAFE,
     "this test does not require MFA: requests signed with long-term access keys do not have "
     "the key"),
    ("KG425", "ifexists-weakens-allow", SECURITY, UNSAFE,
     "StringEqualsIfExists on kms:ViaService also allows requests without the key"),
    ("KG426", "allow-with-negated-bound", SECURITY, NONE,
     "the Allow covers everything except RSASSA_PKCS1_V1_5_SHA_256; state what is allowed"),
    ("KG427", "forgeable-condition", SECURITY, NONE,
     "aws:UserAgent is chosen by the caller"),
    ("KG428", "attribute-self-service", SECURITY, NONE,
     "arn:aws:iam::111122223333:role/billing can give itself access by kms:UpdateAlias"),
    ("KG429", "escalation-path", SECURITY, NONE,
     "arn:aws:iam::111122223333:role/operator can obtain kms:Decrypt: kms:CreateGrant for "
     "itself, kms:Decrypt"),
    ("KG434", "attestation-not-required", SECURITY, NONE,
     "arn:aws:iam::111122223333:role/enclave can call kms:GenerateDataKey without attestation"),
    ("KG435", "attestation-bypass", SECURITY, NONE,
     "attestation can be bypassed: identity policies of the account can allow "
     "kms:CreateGrant, kms:Decrypt and kms:ReEncryptFrom"),
    ("KG436", "debug-measurement", SECURITY, NONE,
     "an all-zero measurement is that of an enclave in debug mode"),
    ("KG437", "attestation-without-deployment", SUGGESTION, NONE,
     "the same image elsewhere satisfies this condition; add PCR3, PCR4 or PCR8"),
    ("KG438", "rcp-without-service-exception", SECURITY, UNSAFE,
     "this Deny also hits AWS services that use keys of the organization"),
    ("KG439", "replication-unrestricted", SUGGESTION, NONE,
     "limit the Regions for kms:ReplicateKey"),
    ("KG440", "createkey-unrestricted", SUGGESTION, NONE,
     "limit what keys kms:CreateKey may create"),
    ("KG441", "weak-algorithm", WARNING, NONE,
     "'RSAES_OAEP_SHA_1' is a weak choice for kms:WrappingAlgorithm"),
    ("KG442", "new-access", SECURITY, NONE,
     "newly allowed: arn:aws:iam::111122223333:role/billing may call kms:Sign"),
    ("KG501", "no-account-delegation", WARNING, UNSAFE,
     "the account that owns the key has no access; "
     "IAM policies cannot allow anything and the key may become unmanageable"),
    ("KG502", "nobody-can-change-policy", ERROR, NONE,
     "nobody can change this key policy any more"),
    ("KG503", "single-policy-administrator", WARNING, NONE,
     "only arn:aws:iam::111122223333:role/security can change this key policy; "
     "if it is deleted the key is unmanageable"),
    ("KG504", "caller-would-be-locked-out", ERROR, NONE,
     "KMS will refuse this policy for arn:aws:iam::111122223333:role/deploy: "
     "it could not change the policy again"),
    ("KG505", "deny-locks-out", ERROR, NONE,
     "'OnlyForStorage' can deny PutKeyPolicy to everybody, "
     "including the account's administrators"),
    ("KG506", "deleted-principal-id", WARNING, UNSAFE,
     "'AROAQ3EGRIG2EXAMPLE99' is the unique ID of a role; the principal was probably deleted"),
    ("KG507", "session-principal", WARNING, UNSAFE,
     "'arn:aws:sts::111122223333:assumed-role/billing/i-0abc1234def567890' names one session; "
     "use the role, or aws:PrincipalArn with a pattern"),
    ("KG508", "network-deny-breaks-services", WARNING, UNSAFE,
     "this Deny also stops AWS services that use the key for everybody"),
    ("KG509", "deny-by-source-hits-direct-calls", Severity.SECURITY, UNSAFE,
     "aws:SourceOrgID is absent from direct calls, so this Deny hits every user and role"),
    ("KG510", "policy-size", ERROR, UNSAFE, "32,881 of 32,768 bytes"),
    ("KG511", "conditional-account-delegation", WARNING, NONE,
     "identity policies can manage this key only while StringEquals aws:SourceVpc holds"),
    ("KG512", "expiring-administration", WARNING, NONE,
     "after 2031-03-31T00:00:00Z nobody can call PutKeyPolicy or Decrypt"),
    ("KG513", "no-way-back", SUGGESTION, NONE, "DisableKey is allowed, but nobody may EnableKey"),
    ("KG514", "write-only-key", SUGGESTION, NONE,
     "data can be encrypted with this key but not decrypted"),
    ("KG515", "companion-action-missing", SUGGESTION, NONE,
     "kms:ReEncryptFrom usually also needs kms:ReEncryptTo"),
    ("KG516", "alias-condition-quota", SUGGESTION, NONE,
     "access by alias is refused for keys with more than 50 aliases"),
    ("KG517", "policy-name-value", WARNING, NONE,
     "PutKeyPolicy can only set the policy named default"),
    ("KG601", "administer-and-use-in-statement", WARNING, NONE,
     "arn:aws:iam::111122223333:role/ops may both administer (PutKeyPolicy) "
     "and use (Decrypt) the key"),
    ("KG602", "administer-and-use-across-statements", WARNING, NONE,
     "arn:aws:iam::111122223333:role/ops administers by 'Ops' and uses by 'Users'"),
    ("KG603", "administrator-can-create-grants", WARNING, UNSAFE,
     "kms:Cr* includes kms:CreateGrant, by which "
     "arn:aws:iam::111122223333:role/key-admin can give themselves use of the key"),
    ("KG604", "pattern-crosses-duties", WARNING, UNSAFE,
     "'kms:De*' matches Decapsulate, Decrypt, DeleteAlias, DeleteImportedKeyMaterial, "
     "DeriveSharedSecret, DescribeKey"),
    ("KG605", "pattern-grows", SUGGESTION, UNSAFE,
     "'kms:Describe*' today matches DescribeKey and will match new actions"),
    ("KG606", "useless-wildcard", SUGGESTION, SAFE, "'kms:Encrypt*' matches only kms:Encrypt"),
    ("KG607", "users-may-delete", WARNING, NONE,
     "key user arn:aws:iam::111122223333:role/app may DisableKey"),
    ("KG608", "deletion-window-unbounded", SUGGESTION, NONE,
     "require a waiting period or a period without use for kms:ScheduleKeyDeletion"),
    ("KG609", "users-may-tag", WARNING, NONE,
     "key user arn:aws:iam::111122223333:role/app may change tags or aliases, "
     "which can decide about access"),
    ("KG610", "user-principal", SUGGESTION, NONE, "prefer a role to the user 'erika'"),
    ("KG611", "account-principal-as-user", SUGGESTION, UNSAFE,
     "account principal in 'Users': this gives nothing to any identity by itself"),
    ("KG612", "sensitive-action-in-identity-policy", SUGGESTION, NONE,
     "give kms:PutKeyPolicy in the key policy rather than for arn:aws:kms:*:111122223333:key/*"),
    ("KG613", "context-free-data-use", SUGGESTION, NONE,
     "bind kms:Decrypt to an encryption context"),
    ("KG614", "too-many-direct-principals", SUGGESTION, NONE,
     "21 principals are named; consider grants, a role, or aws:PrincipalTag"),
    ("KG701", "missing-sid", SUGGESTION, UNSAFE, "give this statement a Sid"),
    ("KG702", "misleading-sid", SUGGESTION, NONE,
     "Sid 'DenyDecryption' does not describe this statement: it allows"),
    ("KG703", "canonical-case", SUGGESTION, SAFE, "write 'kms:Decrypt'"),
    ("KG704", "boolean-literal", SUGGESTION, SAFE, 'write "true" for a consistent style'),
    ("KG705", "account-principal-form", SUGGESTION, SAFE,
     "account 210987654321 is also written arn:aws:iam::210987654321:root"),
    ("KG706", "element-order", SUGGESTION, SAFE, "'Effect' should stand before 'Action'"),
    ("KG707", "unsorted-list", SUGGESTION, SAFE, "sort this list"),
    ("KG708", "single-element-list", SUGGESTION, SAFE,
     "write the single value without a list"),
    ("KG709", "documentation-account-id", WARNING, NONE,
     "'111122223333' is an example from the documentation"),
    ("KG710", "mergeable-statements", SUGGESTION, UNSAFE,
     "'Write' and 'Read' can be one statement"),
    ("KG712", "missing-policy-id", SUGGESTION, NONE, "give the key policy an Id"),
]  # fmt: skip
MESSAGES = {code: message for code, *_, message in CATALOGUE}

# An example that cannot help showing a second rule, elsewhere in its text.
ACCOMPANIED = {
    "KG130": {"KG111"},
    "KG408": {"KG406"},
    "KG607": {"KG601"},
    "KG609": {"KG601"},
}

KEY, IDENTITY = PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY
SCP, RCP = PolicyKind.SCP, PolicyKind.RCP

# The table


def test_the_table_of_rules_is_complete_and_as_the_catalogue_has_it() -> None:
    table = [(rule.code, rule.slug, rule.severity, rule.fix) for rule in RULES]
    assert table == [row[:4] for row in CATALOGUE]


def test_codes_are_sorted_and_no_name_is_given_twice() -> None:
    codes = [rule.code for rule in RULES]
    assert codes == sorted(codes)
    assert len({rule.slug for rule in RULES}) == len(RULES)


def test_a_rule_is_named_as_its_check() -> None:
    assert all(rule.check.__name__ == rule.slug.replace("-", "_") for rule in RULES)


@pytest.mark.parametrize(
    ("code", "kinds"),
    [
        ("KG101", set(PolicyKind)),
        ("KG116", set(PolicyKind) - {PolicyKind.RESOURCE_POLICY}),
        ("KG117", {KEY, PolicyKind.RESOURCE_POLICY, RCP, PolicyKind.ENDPOINT_POLICY}),
        ("KG118", {IDENTITY, SCP}),
        ("KG125", {IDENTITY, SCP, RCP}),
        ("KG136", {RCP}),
        ("KG137", {SCP}),
    ],
)
def test_rules_apply_to_the_kinds_of_the_catalogue(code: str, kinds: set[PolicyKind]) -> None:
    assert named(code).kinds == kinds


# Pages


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_page_opens_with_a_sentence_and_has_the_three_sections(rule: Rule) -> None:
    first, second, *_ = rule.page.splitlines()
    assert first.endswith((".", ".`"))
    assert second == ""
    headings = re.findall(r"^## (.*)$", rule.page, re.MULTILINE)
    assert headings[:3] == ["Why it matters", "Example", "Use instead"]
    assert headings[3:] == ([] if rule.code < "KG2" else ["Sources"])
    assert set(examples(rule)) == {"Example", "Use instead"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_examples_are_marked_as_json_only_where_they_are(rule: Rule) -> None:
    for heading, mark, text in SECTION.findall(rule.page):
        if mark == "json":
            json.loads(text)
        else:
            assert heading == "Example"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_example_raises_this_rule_and_no_other(rule: Rule) -> None:
    text, kind = example_of(rule, "Example")
    found = found_in(text, kind, rule.code)
    assert {finding.rule.code for finding in found} - ACCOMPANIED.get(rule.code, set()) == {
        rule.code
    }
    here = [finding for finding in found if finding.rule is rule]
    assert here[0].message == MESSAGES[rule.code]
    places = {finding.span.start for finding in here}
    assert all(finding.rule is rule for finding in found if finding.span.start in places)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_what_to_use_instead_raises_nothing(rule: Rule) -> None:
    text, kind = example_of(rule, "Use instead")
    assert found_in(text, kind, rule.code) == ()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_example_is_a_good_policy_but_for_the_slip(rule: Rule) -> None:
    text, kind = example_of(rule, "Use instead")
    assert read(Source("policy.json", text), kind).policy is not None


# The edges: what a rule finds in a fragment, as (code, the text that it points at)

CASES = [
    # KG106
    (KEY, '{"StringLike": {"aws:userid": "a", "aws:UserId": "b", "AWS:USERID": "c"}}',
     [("KG106", '"aws:UserId"'), ("KG106", '"AWS:USERID"')]),
    (KEY, '{"StringLike": {"aws:userid": "a"}, "StringEquals": {"aws:UserId": "b"}}', []),
    (KEY, '{"StringLike": {"aws:userid": "a", "aws:userid": "b"}}', [("KG105", '"aws:userid"')]),
    (KEY, '{"Weird": {"aws:userid": "a", "aws:UserId": "b"}}',
     [("KG208", '"Weird"'), ("KG106", '"aws:UserId"')]),
    # KG109 to KG111
    (KEY, '{"Version": null, "Statement": {"Effect": "Deny", "Principal": "*", "Action": "*",'
          ' "Resource": "*"}}', [("KG120", "null")]),
    (RCP, '{"Version": "2008-10-17", "Statement": {"Effect": "Deny", "Principal": "*",'
          ' "Action": "kms:*", "Resource": "*"}}', [("KG110", '"2008-10-17"')]),
    # KG112
    (KEY, '{"Version": "2012-10-17"}', [("KG112", "{")]),
    (KEY, '{"Version": "2012-10-17", "Statement": []}', [("KG112", "[]")]),
    # KG115 and KG116
    (IDENTITY, '{"Effect": "Allow"}', [("KG115", "{"), ("KG116", "{")]),
    (KEY, '{"Effect": "Deny", "Principal": "*", "NotAction": "kms:Sign", "NotResource": "*"}',
     [("KG226", '"NotResource"')]),
    (PolicyKind.RESOURCE_POLICY,
     '{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}', []),
    # KG121
    (KEY, '{"StringEquals": {"kms:KeyOrigin": ["AWS_KMS", 1, true]}}',
     [("KG121", '"kms:KeyOrigin"')]),
    (KEY, '{"Bool": {"kms:MultiRegion": [true, false]}}', []),
    (KEY, '{"Bool": {"kms:MultiRegion": [true, null]}}', [("KG120", "null")]),
    # KG122
    (KEY, '{"StringEquals": {"AWS:sourceaccount": [123456789012, "123456789012"]}}',
     [("KG121", '"AWS:sourceaccount"'), ("KG122", "123456789012")]),
    (KEY, '{"StringEquals": {"kms:EncryptionContext:id": 123456789012}}', []),
    (KEY, '{"Effect": "Deny", "Principal": {"AWS": [111122223333]}, "Action": "*",'
          ' "Resource": "*"}', [("KG122", "111122223333")]),
    # KG123
    (IDENTITY, '{"Effect": "Deny", "NotAction": [], "NotResource": []}',
     [("KG123", "[]"), ("KG123", "[]")]),
    (KEY, '{"StringEquals": {"kms:ViaService": []}}', [("KG123", "[]")]),
    # KG124
    (IDENTITY, '{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {}}',
     [("KG124", "{}")]),
    (KEY, '{"Effect": "Deny", "NotPrincipal": {}, "Action": "*", "Resource": "*"}',
     [("KG120", "{}")]),
    # KG125 to KG127
    (KEY, '{"Sid": "Two words.", "Effect": "Deny", "Principal": "*", "Action": "*",'
          ' "Resource": "*"}', []),
    (IDENTITY, '{"Sid": "", "Effect": "Deny", "Action": "*", "Resource": "*"}',
     [("KG127", '""')]),
    (IDENTITY, '{"Sid": "  ", "Effect": "Deny", "Action": "*", "Resource": "*"}',
     [("KG125", '"  "')]),
    (KEY, '[{"Sid": "", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"},'
          ' {"Sid": "", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]',
     [("KG127", '""'), ("KG127", '""')]),
    # KG128
    (KEY, '{"StringEquals": {"aws:userid": ["${", "${}", "${ }", "${aws: userid}", "a${b"]}}',
     [("KG128", "${"), ("KG128", "${}"), ("KG128", "${ }"), ("KG128", "${aws: userid}"),
      ("KG128", "${b")]),
    (KEY, '{"StringLike": {"aws:userid": ["${*}", "${?}", "${$}", "$", "{}", "$5", "}"]}}', []),
    (KEY, '{"StringEquals": {"aws:userid": ["${aws:username, \'a, b\'}",'
          ' "${aws:username,\'\'}"]}}', []),
    (KEY, '{"StringEquals": {"aws:userid": "\\u0024{aws:userid"}}',
     [("KG128", '"\\u0024{aws:userid"')]),
    (KEY, '{"Version": "2008-10-17", "Statement": {"Effect": "Deny", "Principal": "*",'
          ' "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:userid": "${"}}}}',
     [("KG111", '"2008-10-17"')]),
    # KG129
    (KEY, '{"StringEquals": {"kms:EncryptionContext:${aws:username}": "yes"}}',
     [("KG129", "${aws:username}")]),
    (KEY, '{"${aws:username}": {"aws:userid": "x"}}', [("KG129", "${aws:username}")]),
    (IDENTITY, '{"Sid": "${aws:username}", "Effect": "${aws:username}",'
               ' "Action": ["kms:${*}"], "Resource": "*"}',
     [("KG129", "${aws:username}"), ("KG129", "${aws:username}"), ("KG129", "${*}")]),
    # KG130
    (IDENTITY, '{"Statement": {"Effect": "Allow", "Action": "kms:Sign",'
               ' "Resource": "arn:aws:kms:*:*:alias/${aws:username}"}}',
     [("KG109", "{"), ("KG130", "${aws:username}")]),
    # KG131
    (KEY, '{"NumericEquals": {"aws:MultiFactorAuthAge": "${aws:PrincipalTag/age}"}}',
     [("KG131", "${aws:PrincipalTag/age}")]),
    (KEY, '{"Null": {"aws:userid": "${aws:username}"}}', [("KG131", "${aws:username}")]),
    (KEY, '{"ForAnyValue:ArnLikeIfExists": {"aws:SourceArn": "${aws:PrincipalArn}"}}', []),
    # KG132
    (KEY, '{"StringEquals": {"aws:userid": ["${aws:usrid}", "${AWS:USERID}", "${kms:viaservice}",'
          ' "${graph.example.com:id}", "${saml:sub}", "${aws:PrincipalTag/a}"]}}',
     [("KG132", "${aws:usrid}")]),
    (KEY, '{"StringEquals": {"aws:userid": ["${aws:TagKeys}", "${var.name}", "${NAME}"]}}',
     [("KG132", "${aws:TagKeys}"), ("KG132", "${var.name}"), ("KG132", "${NAME}")]),
    (KEY, '{"Effect": "${Effect}", "Principal": "*", "Action": "*", "Resource": "*"}',
     [("KG114", '"${Effect}"')]),
    # KG133
    (KEY, '{"StringEquals": {"aws:userid": "ÿ\\u0000\\t\\u0100"}}',
     [("KG133", '"ÿ\\u0000\\t\\u0100"')]),
    (KEY, '{"StringEquals": {"aws:userid": "ÿ→€"}}', [("KG133", "→")]),
    (IDENTITY, '{"StringEquals": {"aws:userid": "ÿ→€"}}', []),
    # KG134
    (KEY, '{"Null": {"aws:userid": [true, "false", "TRUE", "no", 1]}}',
     [("KG121", '"aws:userid"'), ("KG134", '"no"'), ("KG134", "1")]),
    (KEY, '{"ForAnyValue:Null": {"aws:TagKeys": "true"}}', [("KG134", '"ForAnyValue:Null"')]),
    (KEY, '{"ForAnyValue:NullIfExists": {"aws:TagKeys": "true"}}',
     [("KG134", '"ForAnyValue:NullIfExists"')]),
    # KG135
    (KEY, '{"StringEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}}',
     [("KG135", "o-exampleorgid")]),
    (KEY, '{"StringEquals": {"aws:SourceAccount": ["REPLACE_ME", "YOUR_ACCOUNT_ID", "{{id}}",'
          ' "[ACCOUNT_ID]", "ACCOUNT-ID-WITHOUT-HYPHENS"]}}',
     [("KG135", "REPLACE_ME"), ("KG135", "YOUR_ACCOUNT_ID"), ("KG135", "{{id}}"),
      ("KG135", "[ACCOUNT_ID]"), ("KG135", "ACCOUNT-ID-WITHOUT-HYPHENS")]),
    (IDENTITY, '{"Effect": "Allow", "Action": "kms:Sign",'
               ' "Resource": "arn:aws:kms:REGION:ACCOUNT_ID:key/your-key-id"}',
     [("KG135", "REGION"), ("KG135", "ACCOUNT_ID"), ("KG135", "your-key-id")]),
    (KEY, '{"StringEquals": {"kms:EncryptionContext:<key>": "a"}}', [("KG135", "<key>")]),
    # Not placeholders: real values, names of encryption contexts, comparisons, titles
    (KEY, '{"StringEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT", "kms:KeyOrigin": "AWS_KMS",'
          ' "kms:EncryptionContext:PARAMETER_ARN": "arn:aws:ssm:eu-west-1:111122223333:'
          'parameter/a", "kms:EncryptionContext:ACCOUNT_ID": "7", "kms:EncryptionContext:x":'
          ' ["a < b > c", "[dev]", "[0-9]", "{a}", "your_name", "ROLE"]}}', []),
    (KEY, '{"Sid": "[KEY_ADMIN] <see wiki>", "Effect": "Deny", "Principal": "*",'
          ' "Action": "kms:Sign", "Resource": "*"}', []),
    (IDENTITY, '{"Effect": "Allow", "Action": "kms:Sign", "Resource":'
               ' "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}',
     []),
    # KG136
    (RCP, '{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}', []),
    (RCP, '{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}',
     [("KG136", '"Allow"')]),
    (RCP, '{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": ["*", "ec2:*", "k*:Sign"],'
          ' "Resource": "*"}',
     [("KG136", "{"), ("KG136", '"*"'), ("KG136", '"ec2:*"'), ("KG207", '"k*:Sign"')]),
    (RCP, '{"Effect": "Deny", "NotPrincipal": {"AWS": "111122223333"}, "Action": "s3:*",'
          ' "Resource": "*"}', [("KG136", '"NotPrincipal"')]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fragment", "expected"), CASES)
def test_a_fragment_has_exactly_these_findings(
    kind: PolicyKind, fragment: str, expected: list[tuple[str, str]]
) -> None:
    text = document(fragment, kind)
    found = [f for f in found_in(text, kind) if f.rule.code < "KG300"]
    assert [(f.rule.code, text[f.span.start : f.span.end]) for f in found] == expected


@pytest.mark.parametrize(
    ("operator", "consequence"),
    [
        ("StringEquals", "match nothing"),
        ("Null", "match nothing"),
        ("StringNotEquals", "match as if this test were not there"),
        ("StringNotEqualsIfExists", "match as if this test were not there"),
        ("StringEqualsIfExists", "match only when the key is missing"),
        ("ForAllValues:StringEquals", "match only when the key is missing"),
        ("ForAnyValue:StringEquals", "match nothing"),
        ("ForAnyValue:StringNotEquals", "match whenever the key is present"),
        ("ForAnyValue:StringEqualsIfExists", "match only when the key is missing"),
    ],
)
def test_an_empty_list_of_values_is_explained_by_its_operator(
    operator: str, consequence: str
) -> None:
    (finding,) = (
        finding
        for finding in found_in(document(f'{{"{operator}": {{"aws:TagKeys": []}}}}', KEY), KEY)
        if finding.rule.code == "KG123"
    )
    assert finding.message == f"the empty aws:TagKeys list makes this statement {consequence}"


@pytest.mark.parametrize(
    ("statement", "construct", "text"),
    [
        ('"Effect": "Allow", "Action": "kms:Sign", "Resource": "*", "Condition": {"Bool": '
         '{"aws:SecureTransport": "true"}}', "Condition with Effect Allow", '"Condition"'),
        ('"Effect": "Allow", "NotAction": "kms:Sign", "Resource": "*"',
         "NotAction with Effect Allow", '"NotAction"'),
        ('"Effect": "Deny", "Action": "kms:Sign", "NotResource": "*"', "NotResource",
         '"NotResource"'),
        ('"Effect": "Allow", "Action": "kms:Sign", "Resource": ["*", "arn:aws:kms:*:*:key/*"]',
         'a Resource other than "*" with Effect Allow', '"arn:aws:kms:*:*:key/*"'),
        ('"Effect": "Deny", "NotAction": ["kms:*", "kms:Get?*", "kms:*Key"], "Resource": "*"',
         "a wildcard before the end of an action", '"kms:*Key"'),
    ],
)  # fmt: skip
def test_classic_scps_are_held_to_the_older_language(
    statement: str, construct: str, text: str
) -> None:
    source = document(f"{{{statement}}}", SCP)
    (finding,) = (f for f in found_in(source, SCP, "KG137") if f.rule.code < "KG300")
    assert finding.message == f"classic SCPs do not support {construct}"
    assert source[finding.span.start : finding.span.end] == text
    assert all(found.rule.code > "KG300" for found in found_in(source, SCP))


def test_a_repeated_sid_is_milder_in_a_key_policy_and_lists_every_place() -> None:
    actions = ("kms:Sign", "kms:Verify", "kms:Encrypt")
    statements = [
        f'{{"Sid": "A", "Effect": "Deny", "Action": "{action}", "Resource": "*"}}'
        for action in actions
    ]
    text = document(f"[{', '.join(statements)}]", IDENTITY)
    (finding,) = found_in(text, IDENTITY)
    assert finding.severity is Severity.ERROR
    assert finding.message == "Sid 'A' is used by 3 statements"
    assert [note.message for note in finding.notes] == ["first here", "and here"]
    starts = [found.start() for found in re.finditer('"A"', text)]
    start, last = (note.span.start for note in finding.notes if note.span)
    assert (start, finding.span.start, last) == tuple(starts)

    first, second, _ = (
        each.replace('"Action"', '"Principal": "*", "Action"') for each in statements
    )
    (finding,) = found_in(document(f"[{first}, {second}]", KEY), KEY)
    assert finding.rule.severity is Severity.ERROR
    assert finding.severity is Severity.WARNING


def test_a_sid_with_blanks_is_offered_as_one_word() -> None:
    (finding,) = found_in(
        document(
            '{"Sid": "allow use-of the key", "Effect": "Deny", "Action": "kms:Sign",'
            ' "Resource": "*"}',
            IDENTITY,
        ),
        IDENTITY,
    )
    assert finding.help == 'write "AllowUseOfTheKey"'


def test_a_forbidden_character_comes_with_its_plain_twin_and_the_number_of_others() -> None:
    (finding,) = found_in(document('{"StringEquals": {"aws:userid": "–€→"}}', KEY), KEY)
    assert finding.help == "write '-' in its place"
    assert [note.message for note in finding.notes] == ["2 more of this text are out of range, too"]


@pytest.mark.parametrize("kind", PolicyKind)
def test_a_byte_order_mark_is_reported_in_every_kind_of_policy(kind: PolicyKind) -> None:
    who = '"Principal": "*", ' if kind.names_principals else ""
    statement = f'{{"Effect": "Deny", {who}"Action": "kms:Sign", "Resource": "*"}}'
    (finding,) = found_in("\ufeff" + document(statement, kind), kind)
    assert finding.rule.code == "KG133"
    assert finding.span.start == 0
