namespace Vitrine.Devices.Io;

/// <summary>Requests in order, linked through themselves. A request is in one list at most.</summary>
internal struct IoList
{
    private IoRequest? _first;
    private IoRequest? _last;

    /// <summary>True when there are none.</summary>
    public readonly bool IsEmpty => _first is null;

    /// <summary>Adds a request at the end.</summary>
    public void Append(IoRequest request)
    {
        request.Next = null;
        if (_last is null) _first = request;
        else _last.Next = request;
        _last = request;
    }

    /// <summary>Takes the first request; null when there is none.</summary>
    public IoRequest? Take()
    {
        IoRequest? request = _first;
        if (request is null) return null;
        _first = request.Next;
        if (_first is null) _last = null;
        request.Next = null;
        return request;
    }
}
