"""Django's side of the tests of passwords."""

import functools

from django.contrib.auth import hashers
from django.test import override_settings


# Django's hashers with little work: what the tests' settings of ours say.


class Sha256(hashers.PBKDF2PasswordHasher):
    iterations = 10


class Sha1(hashers.PBKDF2SHA1PasswordHasher):
    iterations = 10


class Argon2(hashers.Argon2PasswordHasher):
    time_cost, memory_cost, parallelism = 1, 64, 2


class BCryptSha256(hashers.BCryptSHA256PasswordHasher):
    rounds = 4


class BCrypt(hashers.BCryptPasswordHasher):
    rounds = 4


class Scrypt(hashers.ScryptPasswordHasher):
    work_factor, block_size, parallelism = 16, 8, 1


ALL = [Sha256, Sha1, Argon2, BCryptSha256, BCrypt, Scrypt, hashers.MD5PasswordHasher]


def preferring(algorithm):
    """The settings with all hashers, and this one first."""
    first = [hasher for hasher in ALL if hasher.algorithm == algorithm]
    others = [hasher for hasher in ALL if hasher.algorithm != algorithm]
    paths = [f"{hasher.__module__}.{hasher.__qualname__}" for hasher in first + others]
    return override_settings(PASSWORD_HASHERS=paths)


def attempt(function, *arguments):
    """What it returns, or the name of its exception."""
    try:
        return function(*arguments)
    except Exception as error:
        return type(error).__name__


def make(algorithm, passwords):
    with preferring(algorithm):
        return [attempt(hashers.make_password, password) for password in passwords]


def verify(algorithm, pairs):
    """Of each password and hash whether it is correct, and whether it must be updated."""
    with preferring(algorithm):
        return [attempt(hashers.verify_password, password, encoded) for password, encoded in pairs]


def argon2_hashes(password):
    """One of each variety and version, and with other lengths."""
    from argon2.low_level import Type, hash_secret

    make = functools.partial(
        hash_secret, password.encode(), b"22 letters as a salt..", time_cost=1, memory_cost=64,
        parallelism=2,
    )  # fmt: skip
    made = [make(type=kind, version=v, hash_len=32) for kind in Type for v in (16, 19)]
    made += [make(type=Type.ID, hash_len=length) for length in (4, 31, 64)]
    made.append(hash_secret(password.encode(), b"8 bytes.", 1, 16, 2, 32, Type.ID))
    texts = [text.decode() for text in made]
    # Hashes from before version 19 do not name it.
    texts += [text.replace("$v=16", "") for text in texts if "$v=16" in text]
    return [f"argon2{text}" for text in texts]


def common():
    """Every password of Django's list."""
    from django.contrib.auth.password_validation import CommonPasswordValidator

    return sorted(CommonPasswordValidator().passwords)


def validate(validators, cases):
    """The codes and messages for each password and what is known of its user."""
    from django.contrib.auth.models import User
    from django.contrib.auth.password_validation import get_password_validators, validate_password
    from django.core.exceptions import ValidationError

    prefix = "django.contrib.auth.password_validation."
    validators = get_password_validators(
        [{"NAME": prefix + name, "OPTIONS": options} for name, options in validators]
    )

    def problems(password, attributes):
        try:
            validate_password(password, User(**attributes), validators)
        except ValidationError as error:
            return [[each.code, each.messages[0]] for each in error.error_list]
        return []

    return [problems(*case) for case in cases]
