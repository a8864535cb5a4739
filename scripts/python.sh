# Sourced: sets $python to a Python that is new enough, or ends with a clear line.
python=
for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "${0##*/}: Python 3.11 or newer is needed, and there is none on the PATH" >&2
    exit 1
fi
