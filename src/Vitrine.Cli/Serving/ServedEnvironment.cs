using System.Text;

namespace Vitrine.Cli.Serving;

/// <summary>The environment of a program that KVM is served to. Variables are bytes: what is not UTF-8 stays what it is.</summary>
internal sealed class ServedEnvironment
{
    private const string Preload = "LD_PRELOAD";
    private const string OwnEnvironment = "/proc/self/environ";

    private readonly List<byte[]> _variables;

    private ServedEnvironment(List<byte[]> variables) => _variables = variables;

    /// <summary>All variables, as NAME=VALUE.</summary>
    public IReadOnlyList<byte[]> Variables => _variables;

    /// <summary>What this process was started with.</summary>
    public static ServedEnvironment Inherit()
    {
        try
        {
            return new ServedEnvironment(Split(File.ReadAllBytes(OwnEnvironment)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            List<byte[]> variables = [];
            foreach (System.Collections.DictionaryEntry variable in Environment.GetEnvironmentVariables())
            {
                variables.Add(Encoding.UTF8.GetBytes($"{variable.Key}={variable.Value}"));
            }

            return new ServedEnvironment(variables);
        }
    }

    /// <summary>Sets variables, in place of what they were. Libraries that are preloaded already stay, after ours.</summary>
    public void Set(IEnumerable<(string Name, string Value)> variables)
    {
        foreach ((string name, string value) in variables)
        {
            byte[] prefix = Encoding.UTF8.GetBytes($"{name}=");
            byte[] before = _variables.Find(variable => variable.AsSpan().StartsWith(prefix)) is { } old ? old[prefix.Length..] : [];
            _variables.RemoveAll(variable => variable.AsSpan().StartsWith(prefix));
            byte[] text = [.. prefix, .. HostPath.Encode(value)];
            if (name == Preload && before.Length > 0 && before.AsSpan().IndexOf(HostPath.Encode(value)) < 0) text = [.. text, (byte)':', .. before];
            _variables.Add(text);
        }
    }

    private static List<byte[]> Split(ReadOnlySpan<byte> block)
    {
        List<byte[]> variables = [];
        while (block.Length > 0)
        {
            int end = block.IndexOf((byte)0);
            ReadOnlySpan<byte> variable = end < 0 ? block : block[..end];
            if (variable.Length > 0) variables.Add(variable.ToArray());
            block = end < 0 ? [] : block[(end + 1)..];
        }

        return variables;
    }
}
