"""The cache of kernels: whatever happens to its files, a call gets the right bytes or none."""
import ctypes
import errno
import os
import pwd
import random
import signal
import stat
import struct
import tempfile
import time
from pathlib import Path

import pytest
from forked import NOBODY, start, status_of, without_privileges

from cytensor import config
from cytensor.__main__ import main
from cytensor.cache import entry, folder, load
from cytensor.cache.store import SUFFIX, Store, default
from cytensor.cpu import compiler

KEY, OTHER = "0a" * 32, "0b" * 32
DATA = b"machine code" * 3


@pytest.fixture
def place(tmp_path):
    """A folder that does not exist yet, under a name that is not plain."""
    return tmp_path / "Kerne für mich" / "von hier"


@pytest.fixture
def store(place):
    return Store(str(place))


@pytest.fixture
def file(store, place):
    """The file of the one kernel of a store."""
    store.put(KEY, DATA)
    return place / (KEY + SUFFIX)


# Keys

def test_other_parts_have_another_key():
    parts = [{"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"a": b"bc"}, {"a": ""}, {},
             {"a": "b\0c"}, {"a:str": "bc"}, {"a": "bc", "b": "bc"}, {"ä": "bc"},
             {"a": "x", "b": "y"}, {"a": "xb:stry"}]
    assert len({Store.key(each) for each in parts}) == len(parts)


def test_the_order_of_parts_does_not_matter():
    assert Store.key({"a": "1", "b": b"2"}) == Store.key({"b": b"2", "a": "1"})


@pytest.mark.parametrize("key", ["", "../" + KEY[3:], KEY.upper(), KEY + "0"])
def test_a_key_that_is_none_is_an_error(store, key):
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        store.put(key, DATA)


# What is put is got

def test_a_kernel_is_there_for_the_next_process(store, place):
    assert store.get(KEY) is None
    store.put(KEY, DATA, {"name": "exp"})
    assert Store(str(place)).get(KEY) == DATA
    assert Store(str(place)).get(OTHER) is None
    assert [(e.key, e.about) for e in store.entries()] == [(KEY, {"name": "exp"})]
    assert store.info().in_memory == 0


def test_only_the_user_can_read_it(file):
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_an_empty_kernel_is_a_kernel(store):
    store.put(KEY, b"")
    assert store.get(KEY) == b""


def test_a_new_kernel_takes_the_place_of_the_old(store):
    for data in (DATA, b"other"):
        store.put(KEY, data)
        assert store.get(KEY) == data


# Odd files

def cut(file):
    file.write_bytes(file.read_bytes()[:-1])


def lengthen(file):
    file.write_bytes(file.read_bytes() + b"\0")


def empty(file):
    file.write_bytes(b"")


def replace_by_another(file):
    file.write_bytes(entry.pack(OTHER, DATA, {}))


def replace_by_text(file):
    file.write_text("not a kernel at all, but longer than the header of a kernel\n" * 9)


def link(file):
    real = file.rename(file.with_name("elsewhere"))
    file.symlink_to(real)


def make_a_pipe(file):
    file.unlink()
    os.mkfifo(file)


def make_a_folder(file):
    file.unlink()
    file.mkdir()


def let_others_write(file):
    file.chmod(0o620)


def promise_too_much(file):
    head = entry.HEADER.pack(entry.MAGIC, entry.FORMAT, 2, 2**63, bytes.fromhex(KEY), bytes(32))
    file.write_bytes(head + b"{}" + DATA)


def write_facts_that_are_none(file):
    whole = entry.pack(KEY, DATA, {})
    assert whole.count(b"{}") == 1
    facts = b"{]"
    digest = entry.hashlib.sha256(facts + DATA).digest()
    head = entry.HEADER.pack(entry.MAGIC, entry.FORMAT, 2, len(DATA), bytes.fromhex(KEY), digest)
    file.write_bytes(head + facts + DATA)


ODD = [cut, lengthen, empty, replace_by_another, replace_by_text, link, make_a_pipe, make_a_folder,
       let_others_write, promise_too_much, write_facts_that_are_none]


@pytest.mark.parametrize("spoil", ODD)
def test_an_odd_file_is_a_miss_and_is_replaced(store, file, spoil):
    spoil(file)
    assert store.get(KEY) is None
    list(store.entries())
    store.put(KEY, DATA)
    assert store.get(KEY) == DATA


@pytest.mark.parametrize("spoil", [odd for odd in ODD if odd is not make_a_folder])
def test_verify_removes_what_is_odd(store, file, spoil):
    store.put(OTHER, DATA)
    spoil(file)
    good, bad = store.verify()
    assert good == 1 and len(bad) == 1 and bad[0].startswith(KEY)
    assert not os.path.lexists(file) and store.get(OTHER) == DATA


def test_every_bit_matters(store, file):
    whole = file.read_bytes()
    for place in range(len(whole)):
        spoilt = bytearray(whole)
        spoilt[place] ^= 1 << random.randrange(8)
        file.write_bytes(spoilt)
        assert store.get(KEY) is None, place


def test_every_byte_matters(store, file):
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        assert store.get(KEY) is None, length


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_a_miss(store, file):
    os.chown(file, NOBODY, NOBODY)
    assert store.get(KEY) is None


# Folders that cannot be used

def shared_with_the_group(place):
    place.mkdir(parents=True)
    place.chmod(0o770)


def shared_with_all(place):
    place.mkdir(parents=True)
    place.chmod(0o1777)


def linked(place):
    place.parent.mkdir(parents=True)
    (place.parent / "real").mkdir(mode=0o700)
    place.symlink_to(place.parent / "real")


def linked_to_nothing(place):
    place.parent.mkdir(parents=True)
    place.symlink_to(place.parent / "nothing")


def a_file(place):
    place.parent.mkdir(parents=True)
    place.write_text("")


@pytest.mark.parametrize("spoil", [shared_with_the_group, shared_with_all, linked,
                                   linked_to_nothing, a_file])
def test_an_unsafe_folder_means_memory_only(store, place, spoil, capsys, monkeypatch):
    monkeypatch.setattr(config, "debug", 1)
    spoil(place)
    for key in (KEY, OTHER):
        store.put(key, DATA)
        assert store.get(key) == DATA
    assert not place.is_dir() or not list(place.iterdir())
    assert capsys.readouterr().err.count("kernels are not kept on disk") == 1
    assert Store(str(place)).get(KEY) is None
    assert not list(store.entries()) and store.verify() == (0, [])
    assert store.clear() == 0 and store.get(KEY) is None


def test_a_folder_that_became_unsafe_is_not_read(store, file):
    file.parent.chmod(0o777)
    assert store.get(KEY) is None
    assert "others may write" in store.info().trouble


def test_a_folder_of_another_user_is_refused(store, file, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)
    assert store.get(KEY) is None
    assert "belongs to another user" in store.info().trouble


@pytest.mark.parametrize("path", ["/proc/none/here", "/dev/null/here", "/" + "a" * 300])
def test_a_folder_that_cannot_be_made_means_memory_only(path):
    store = Store(path)
    store.put(KEY, DATA)
    assert store.get(KEY) == DATA


def test_a_read_only_folder_is_read_but_not_written():
    with tempfile.TemporaryDirectory() as place:
        Store(place).put(KEY, DATA)
        user = NOBODY if os.geteuid() == 0 else -1
        for path in (Path(place), *Path(place).iterdir()):
            os.chown(path, user, user)
        os.chmod(place, 0o500)
        child = start(without_privileges, read_but_not_written, Store(place))
        assert status_of(child) == 0
        os.chmod(place, 0o700)


def read_but_not_written(store):
    store.put(OTHER, DATA)
    assert store.info().in_memory == 1
    assert store.get(KEY) == store.get(OTHER) == DATA


def test_a_full_disk_means_memory_only(store, place, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(os, "fsync", full)
    store.put(KEY, DATA)
    assert store.get(KEY) == DATA
    assert not list(place.iterdir())


def test_an_interrupted_put_leaves_nothing(store, place, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.put(KEY, DATA)
    assert not list(place.iterdir())


def test_a_folder_that_vanishes_is_made_again(store, file):
    file.unlink()
    file.parent.rmdir()
    assert store.get(KEY) is None
    store.put(KEY, DATA)
    assert file.exists()


# Which folder

@pytest.mark.parametrize("environment, path", [
    ({"HOME": "{0}"}, "{0}/.cache/cytensor"),
    ({"HOME": "{0}", "XDG_CACHE_HOME": "{0}/xdg"}, "{0}/xdg/cytensor"),
    ({"HOME": "{0}", "XDG_CACHE_HOME": "relative"}, "{0}/.cache/cytensor"),
    ({"HOME": "{0}/none"}, None),
    ({"HOME": ""}, None),
    ({}, None),
])
def test_the_folder_follows_the_environment(tmp_path, monkeypatch, environment, path):
    def unknown(_):
        raise KeyError("no such user")
    monkeypatch.setattr(config, "cache_dir", "")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(tmp_path))
    assert folder.default() == (path and path.format(tmp_path))
    store = Store()
    store.put(KEY, DATA)
    assert store.get(KEY) == DATA
    assert store.info().in_memory == (path is None)


def test_the_setting_names_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "cache_dir", "here")
    store = default()
    monkeypatch.chdir("/")
    store.put(KEY, DATA)
    assert (tmp_path / "here" / (KEY + SUFFIX)).exists()


# Size

def use(store, numbers, size=200_000):
    for number in numbers:
        store.put(f"{number:064x}", bytes(size))


def age(place, key, seconds):
    then = time.time() - seconds
    os.utime(place / (key + SUFFIX), (then, then))


def test_the_folder_stays_small(store, place, monkeypatch):
    monkeypatch.setattr(config, "cache_limit", 1)
    use(store, range(40))
    assert store.info().size <= 2**20 + 2**20 // 16 + 200_500
    assert store.get(f"{39:064x}") is not None


def test_no_limit_for_the_disk_is_no_disk(store, place, monkeypatch):
    monkeypatch.setattr(config, "cache_limit", 0)
    store.put(KEY, DATA)
    assert store.get(KEY) == DATA and not place.exists()


def test_what_was_used_last_stays(store, place):
    use(store, range(4))
    for number in range(4):
        age(place, f"{number:064x}", 7200 - number)
    assert store.get(f"{0:064x}") is not None           # the oldest, but it is in use
    assert store.prune(450_000) == 2
    assert {int(kernel.key, 16) for kernel in store.entries()} == {0, 3}


def test_the_time_of_use_is_not_written_at_every_use(store, file):
    age(file.parent, KEY, 1000)
    before = file.stat().st_mtime
    store.get(KEY)
    assert file.stat().st_mtime == before


def test_remains_of_killed_processes_go_after_a_while(store, file):
    old, new = [file.parent / (digit * 24 + folder.TEMPORARY) for digit in "ab"]
    for remains in (old, new):
        remains.write_text("half a ker")
    os.utime(old, (0, 0))
    store.prune()
    assert not old.exists() and new.exists()


def test_files_of_others_stay(store, file):
    foreign = [file.parent / name for name in ("notes.txt", "x" + SUFFIX, ".hidden.new")]
    for path in foreign:
        path.write_text("mine")
        os.utime(path, (0, 0))
    assert store.clear() == 1
    assert all(path.exists() for path in foreign) and not file.exists()


def test_formats_share_a_folder(store, file):
    other = file.with_name(KEY + ".kernel999")
    other.write_text("of a later release")
    assert store.get(KEY) == DATA and store.verify() == (1, [])
    assert other.exists() and store.info().kernels == 2
    assert store.clear() == 2


# Loading

SOURCE = "const char ct_tag[] = \"TAG-0000\"; const char *ct_get(void) { return ct_tag; }"


@pytest.fixture(scope="module")
def library():
    """The bytes of a library whose text can be exchanged."""
    found = compiler.find()
    if found is None:
        pytest.skip("no C compiler")
    return found.compile(SOURCE)


def tagged(library, number):
    assert library.count(b"TAG-0000") == 1
    return library.replace(b"TAG-0000", b"TAG-%04d" % number)


def tag(data):
    get = ctypes.CFUNCTYPE(ctypes.c_char_p)(load.load(data).address("ct_get"))
    return get()


def test_each_library_is_its_own(library):
    assert [tag(tagged(library, n)) for n in range(40)] == [b"TAG-%04d" % n for n in range(40)]


def test_loading_needs_no_folder(library, monkeypatch):
    monkeypatch.setattr(tempfile, "mkdtemp", None)      # as where every folder is noexec
    assert tag(tagged(library, 1)) == b"TAG-0001"


def test_loading_works_without_files_in_memory(library, monkeypatch, tmp_path):
    def forbidden(*_):
        raise PermissionError("memfd_noexec")
    monkeypatch.setattr(os, "memfd_create", forbidden)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert tag(tagged(library, 2)) == b"TAG-0002"
    assert not list(tmp_path.iterdir())


def test_what_is_no_library_is_an_oserror():
    with pytest.raises(OSError):
        load.load(b"not a library")


def test_an_unknown_symbol_is_an_attribute_error(library):
    with pytest.raises(AttributeError):
        load.load(tagged(library, 3)).address("ct_none")


def test_open_files_do_not_add_up(library):
    before = len(os.listdir("/proc/self/fd"))
    for number in range(5):
        tag(tagged(library, number))
    assert len(os.listdir("/proc/self/fd")) == before


# Many processes at once

KERNELS = 20
PROCESSES = 32


def key_of(number):
    return Store.key({"kernel": str(number)})


def work(place, library, seed):
    """Fetch kernels as a process would, and make those that are not there; now and then spoil or
    remove one. Each that is loaded must be the right one."""
    store, dice = Store(place), random.Random(seed)
    for _ in range(4):
        for number in dice.sample(range(KERNELS), KERNELS):
            data = store.get(key_of(number))
            if data is None:
                data = tagged(library, number)
                store.put(key_of(number), data)
            assert tag(data) == b"TAG-%04d" % number
            disturb(store, dice, number)


def disturb(store, dice, number):
    what = dice.randrange(40)
    if what == 0:
        store.prune(dice.randrange(100_000))
    elif what == 1:
        store.verify()
    elif what == 2:
        path = Path(store.folder, key_of(number) + SUFFIX)
        if path.exists():
            path.write_bytes(path.read_bytes()[:-100])


def test_processes_share_a_folder_and_may_be_killed(place, library):
    children = [start(work, str(place), library, seed) for seed in range(PROCESSES)]
    killed = random.sample(children, PROCESSES // 2)
    for child in killed:
        time.sleep(random.random() / 20)
        os.kill(child, signal.SIGKILL)
    status = {child: status_of(child) for child in children}
    assert {status[child] for child in children if child not in killed} == {0}
    store = Store(str(place))
    store.verify()
    for kernel in store.entries():
        assert tag(store.get(kernel.key)).startswith(b"TAG-")
    for path in place.iterdir():
        os.utime(path, (0, 0))
    store.prune()
    assert not list(place.glob("*" + folder.TEMPORARY))


# The command line

def test_the_command_line_shows_and_empties_the_cache(store, file, capsys, monkeypatch):
    monkeypatch.setattr(config, "cache_dir", str(file.parent))
    store.put(OTHER, DATA, {"name": "exp(x)", "compiler": "cc 12"})

    def said(*words):
        status = main(["cache", *words])
        return status, capsys.readouterr().out

    assert said("info") == (0, f"{file.parent}: 2 kernels, 0.0 of 1024 MB\n")
    lines = said("list")[1].splitlines()
    assert len(lines) == 2 and any("exp(x), compiler cc 12" in line for line in lines)
    assert said("verify") == (0, "2 kernels are good, 0 were not\n")
    cut(file)
    status, text = said("verify")
    assert status == 1 and "checksum is wrong" in text or "too short" in text
    assert said("prune", "1")[1].startswith("removed 0 kernels")
    assert said("clear")[1].startswith("removed 1 kernels")
    assert not list(file.parent.iterdir())


def test_the_command_line_tells_why_there_is_no_cache(place, capsys, monkeypatch):
    shared_with_all(place)
    monkeypatch.setattr(config, "cache_dir", str(place))
    assert main(["cache", "info"]) == 1
    assert "others may write" in capsys.readouterr().err


def test_info_shows_the_folder(place, capsys, monkeypatch):
    monkeypatch.setattr(config, "cache_dir", str(place))
    main(["info"])
    assert f"{place}: " in capsys.readouterr().out


def test_the_header_is_what_the_page_says():
    assert struct.calcsize(entry.HEADER.format) == 96 and len(entry.MAGIC) == 16
