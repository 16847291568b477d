"""Whether other processes of this machine live."""

import ctypes
import os
import sys


def is_running(pid: int) -> bool:
    """Tell whether a process of this machine lives."""
    if pid <= 0:
        return False
    if sys.platform == "win32":  # os.kill would end it there
        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
        if not handle:
            return False
        code = ctypes.c_ulong()
        ctypes.windll.kernel32.GetExitCodeProcess(handle, ctypes.byref(code))
        ctypes.windll.kernel32.CloseHandle(handle)
        return code.value == 259  # STILL_ACTIVE
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
