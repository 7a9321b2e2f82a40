namespace Vitrine.Errors;

/// <summary>
/// An error that a user can act on, told in three sentences: what happened, why probably, what to do; and for programs as a code with values.
/// The sentences speak of this library and of the host: a program with options of its own says in their words what to do, by the code.
/// A guest's faults are never reported this way; they are data.
/// </summary>
public sealed class VitrineException : Exception
{
    private readonly SortedDictionary<string, object> _values = new(StringComparer.Ordinal);

    /// <summary>Creates the error.</summary>
    /// <param name="kind">Whose error it is; decides the exit status of the command.</param>
    /// <param name="code">One of <see cref="ErrorCode"/>, or of the program's own.</param>
    /// <param name="what">What happened, naming the value and the limit. One sentence.</param>
    /// <param name="why">The most probable cause. One sentence.</param>
    /// <param name="remedy">What to do about it. One sentence.</param>
    /// <param name="inner">The exception that led here, if any; shown only on request.</param>
    public VitrineException(ErrorKind kind, string code, string what, string why, string remedy, Exception? inner = null)
        : base($"{what} {why} {remedy}", inner)
    {
        Kind = kind;
        Code = code;
        What = what;
        Why = why;
        Remedy = remedy;
    }

    /// <summary>Whose error it is.</summary>
    public ErrorKind Kind { get; }

    /// <summary>What happened, as one of <see cref="ErrorCode"/> or of the program's own codes.</summary>
    public string Code { get; }

    /// <summary>The values that the sentences name, by the names that the code documents: numbers and texts.</summary>
    public IReadOnlyDictionary<string, object> Values => _values;

    /// <summary>What happened.</summary>
    public string What { get; }

    /// <summary>The most probable cause.</summary>
    public string Why { get; }

    /// <summary>What to do about it.</summary>
    public string Remedy { get; }

    /// <summary>An error in what the user asked for.</summary>
    public static VitrineException User(string code, string what, string why, string remedy, Exception? inner = null) =>
        new(ErrorKind.User, code, what, why, remedy, inner);

    /// <summary>An error of the host: a missing capability, a failed system call.</summary>
    public static VitrineException Host(string code, string what, string why, string remedy, Exception? inner = null) =>
        new(ErrorKind.Host, code, what, why, remedy, inner);

    /// <summary>Names a value. Returns this error.</summary>
    public VitrineException With(string name, object value)
    {
        _values[name] = value;
        return this;
    }
}
