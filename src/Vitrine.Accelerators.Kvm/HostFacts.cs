namespace Vitrine.Accelerators.Kvm;

/// <summary>What the host says about its ability to virtualise, read from /proc, /sys and the marks that containers leave.</summary>
public sealed record HostFacts
{
    /// <summary>False on a host of another architecture, where the other facts mean nothing.</summary>
    public bool IsX8664 { get; init; } = true;

    /// <summary>"vmx" or "svm" where the CPU announces it; else null.</summary>
    public string? VirtualizationFlag { get; init; }

    /// <summary>True when this host is itself a virtual machine.</summary>
    public bool InsideVirtualMachine { get; init; }

    /// <summary>True when this process runs in a container.</summary>
    public bool InsideContainer { get; init; }

    /// <summary>KVM's vendor modules that are loaded: kvm_intel, kvm_amd, or another.</summary>
    public IReadOnlyList<string> VendorModules { get; init; } = [];

    /// <summary>The parameter "nested" of the vendor module: whether guests of this host may use KVM in turn. Null where it has none.</summary>
    public bool? NestedAllowed { get; init; }

    /// <summary>The vendor module uses EPT or NPT (parameter "ept" of kvm_intel, "npt" of kvm_amd). Null where it has neither parameter.</summary>
    public bool? SecondLevelTranslation { get; init; }

    /// <summary>kvm_intel lets guests run without protection and paging (parameter "unrestricted_guest"). Null where there is no such parameter.</summary>
    public bool? UnrestrictedGuest { get; init; }

    /// <summary>The most probable reasons why there is no KVM or only a slow one, each one sentence. Empty when nothing stands out.</summary>
    public IReadOnlyList<string> Hints
    {
        get
        {
            if (!IsX8664) return [];
            var hints = new List<string>();
            if (InsideContainer) hints.Add("This process runs in a container, which has /dev/kvm only when it was started with --device /dev/kvm.");
            if (VirtualizationFlag is null && InsideVirtualMachine)
            {
                hints.Add("This host is a virtual machine whose hypervisor does not pass on virtualisation (nested virtualisation is off).");
            }
            else if (VirtualizationFlag is null)
            {
                hints.Add("The CPU announces neither VT-x (vmx) nor AMD-V (svm): it lacks them, or the firmware has turned them off.");
            }
            else if (VendorModules.Count == 0)
            {
                hints.Add($"The CPU has {VirtualizationFlag}, but the module {(VirtualizationFlag == "svm" ? "kvm_amd" : "kvm_intel")} is not loaded.");
            }

            return hints;
        }
    }

    /// <summary>Reads the facts. What can't be read counts as absent.</summary>
    public static HostFacts Read() => Read("/");

    internal static HostFacts Read(string root)
    {
        string[] flags = Flags(Path.Combine(root, "proc/cpuinfo"));
        string[] modules = VendorModulesIn(Path.Combine(root, "sys/module"));
        return new HostFacts
        {
            VirtualizationFlag = Array.Find(flags, static flag => flag is "vmx" or "svm"),
            InsideVirtualMachine = flags.Contains("hypervisor"),
            InsideContainer = IsContainer(root),
            VendorModules = modules,
            NestedAllowed = Parameter(root, modules, "nested"),
            SecondLevelTranslation = Parameter(root, modules, "ept") ?? Parameter(root, modules, "npt"),
            UnrestrictedGuest = Parameter(root, modules, "unrestricted_guest"),
        };
    }

    private static string[] Flags(string cpuinfo)
    {
        string? line = Text(cpuinfo)?.Split('\n').FirstOrDefault(static l => l.StartsWith("flags", StringComparison.Ordinal));
        return line is null ? [] : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    private static string[] VendorModulesIn(string folder) =>
        Directory.Exists(folder)
            ? [.. Directory.GetDirectories(folder, "kvm_*").Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal)]
            : [];

    private static bool? Parameter(string root, string[] modules, string name)
    {
        foreach (string module in modules)
        {
            string? value = Text(Path.Combine(root, "sys/module", module, "parameters", name))?.Trim();
            if (value is not null) return value is "1" or "Y";
        }

        return null;
    }

    private static bool IsContainer(string root) =>
        File.Exists(Path.Combine(root, ".dockerenv")) ||
        File.Exists(Path.Combine(root, "run/.containerenv")) ||
        (Text(Path.Combine(root, "proc/1/cgroup")) is { } cgroup &&
            (cgroup.Contains("docker", StringComparison.Ordinal) || cgroup.Contains("kubepods", StringComparison.Ordinal) ||
             cgroup.Contains("lxc", StringComparison.Ordinal) || cgroup.Contains("containerd", StringComparison.Ordinal)));

    private static string? Text(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
